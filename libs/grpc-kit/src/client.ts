import {
  Metadata,
  type CallOptions,
  type ChannelCredentials,
  type Client,
  type ClientDuplexStream,
  type ClientOptions,
  type ClientReadableStream,
  type ClientUnaryCall,
  type MethodDefinition,
  type ServiceError,
} from '@grpc/grpc-js';
import { fromStatus } from './status.js';
import { MAX_MESSAGE_BYTES } from './server.js';
import { SPAN_OPTIONS } from './spans.js';

/** A unary method as a generated service definition has it, such as `MediaNodeService.publish`. */
export type UnaryDefinition<Req, Res> = Pick<
  MethodDefinition<Req, Res>,
  'path' | 'requestSerialize' | 'responseDeserialize'
>;

type UnaryMethod<Req, Res> = (
  request: Req,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Res) => void,
) => ClientUnaryCall;

/**
 * Calls a unary method, given by its definition or as the generated client's own function.
 *
 * @throws {SluiceError} with the callee's own code; DEADLINE_EXCEEDED after `deadlineMs`; UNAVAILABLE
 * when `signal` aborts.
 */
export function callUnary<Req, Res>(
  client: Client,
  method: UnaryDefinition<Req, Res> | UnaryMethod<Req, Res>,
  request: Req,
  deadlineMs: number,
  signal?: AbortSignal,
): Promise<Res> {
  return new Promise((resolve, reject) => {
    // A gRPC deadline is an instant of this process's own clock; on the wire it is a duration.
    const options = { deadline: Date.now() + deadlineMs };
    const answer = (error: ServiceError | null, response?: Res) => {
      signal?.removeEventListener('abort', cancel);
      if (error) reject(fromStatus(error));
      else resolve(response as Res);
    };
    const call =
      typeof method === 'function'
        ? method.call(client, request, new Metadata(), options, answer)
        : client.makeUnaryRequest(
            method.path,
            method.requestSerialize,
            method.responseDeserialize,
            request,
            new Metadata(),
            options,
            answer,
          );
    function cancel(): void {
      call.cancel();
    }
    signal?.addEventListener('abort', cancel, { once: true });
    if (signal?.aborted) cancel();
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
  ...SPAN_OPTIONS,
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 2_000,
  'grpc.keepalive_permit_without_calls': 1,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  // A node that is gone for good is not dialled for ever.
  'grpc.client_idle_timeout_ms': 60_000,
  // What we say here holds, whatever TXT records say.
  'grpc.service_config_disable_resolution': 1,
  'grpc.service_config': JSON.stringify({
    loadBalancingConfig: [{ round_robin: {} }],
    methodConfig: [
      {
        // Any replica answers anything, and all of its methods may be called twice.
        name: [{ service: 'sluice.v1.StreamDirectory' }],
        retryPolicy: {
          maxAttempts: 5,
          initialBackoff: '0.05s',
          maxBackoff: '0.4s',
          backoffMultiplier: 2,
          retryableStatusCodes: ['UNAVAILABLE'],
        },
      },
    ],
  }),
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
