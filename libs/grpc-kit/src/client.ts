import {
  Metadata,
  type CallOptions,
  type ChannelCredentials,
  type Client,
  type ClientDuplexStream,
  type ClientOptions,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ServiceError,
} from '@grpc/grpc-js';
import { fromStatus } from './status.js';
import { MAX_MESSAGE_BYTES } from './server.js';

type UnaryMethod<Req, Res> = (
  request: Req,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Res) => void,
) => ClientUnaryCall;

/**
 * Calls a unary method of a generated client.
 *
 * @throws {SluiceError} with the callee's own code; DEADLINE_EXCEEDED after `deadlineMs`.
 */
export function callUnary<Req, Res>(
  client: Client,
  method: UnaryMethod<Req, Res>,
  request: Req,
  deadlineMs: number,
  signal?: AbortSignal,
): Promise<Res> {
  return new Promise((resolve, reject) => {
    // A gRPC deadline is an instant of this process's own clock; on the wire it is a duration.
    const options = { deadline: Date.now() + deadlineMs };
    const call = method.call(client, request, new Metadata(), options, (error, response) => {
      signal?.removeEventListener('abort', cancel);
      if (error) reject(fromStatus(error));
      else resolve(response);
    });
    function cancel(): void {
      call.cancel();
    }
    signal?.addEventListener('abort', cancel, { once: true });
  });
}

/**
 * The responses of a server-streaming call. Ends with the call; a broken one throws.
 *
 * @throws {SluiceError} UNAVAILABLE when the connection breaks, or the callee's own code.
 */
export async function* responsesOf<Res>(
  call: ClientReadableStream<Res> | ClientDuplexStream<never, Res>,
): AsyncGenerator<Res> {
  try {
    for await (const response of call) yield response as Res;
  } catch (error) {
    throw fromStatus(error as ServiceError);
  } finally {
    call.cancel();
  }
}

/** Channel options of all our clients: quick to notice a dead peer, quick to come back. */
export const CLIENT_OPTIONS: ClientOptions = {
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 2_000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
};

type ClientConstructor<C> = new (
  address: string,
  credentials: ChannelCredentials,
  options?: ClientOptions,
) => C;

/** One client per address, made when first asked for. */
export class ClientPool<C extends Client> {
  readonly #clients = new Map<string, C>();

  constructor(
    private readonly make: ClientConstructor<C>,
    private readonly credentials: ChannelCredentials,
  ) {}

  at(address: string): C {
    let client = this.#clients.get(address);
    if (!client) {
      client = new this.make(address, this.credentials, CLIENT_OPTIONS);
      this.#clients.set(address, client);
    }
    return client;
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }
}
