import type { ChannelCredentials, ClientDuplexStream } from '@grpc/grpc-js';
import { CLIENT_OPTIONS, callUnary, responsesOf } from '@sluice/grpc-kit';
import { RelayPeerClient } from '@sluice/proto-gen/media_node';
import type { PullHandOver, StreamYield } from '../domain/ports.js';
import type { PeerCall, RelayPeer } from '../domain/pipes/relay-peers.js';
import { parseOpenPipeResponse, parseOpenRelayResponse } from './relay-messages.js';

/**
 * Pipes live by these connections, so a node whose control process only stalls for a few seconds,
 * while its workers go on forwarding, must not lose them.
 */
const KEEPALIVE = { 'grpc.keepalive_time_ms': 5_000, 'grpc.keepalive_timeout_ms': 5_000 };

/** To reach the other server, negotiate twice and claim the name. */
const TAKE_OVER_DEADLINE_MS = 30_000;

/** grpc.health.v1, of which only that it answers matters: an empty request, any response. */
const HEALTH_CHECK = {
  path: '/grpc.health.v1.Health/Check',
  requestSerialize: () => Buffer.alloc(0),
  responseDeserialize: () => undefined,
};

/** The client half of what media nodes say to each other. */
export class RelayPeers {
  readonly #clients = new Map<string, RelayPeerClient>();

  constructor(private readonly credentials: ChannelCredentials) {}

  at(grpcAddress: string): RelayPeer {
    const client = this.#clientAt(grpcAddress);
    return {
      openPipe: () => toPeerCall(client.openPipe(), parseOpenPipeResponse),
      openRelay: () => toPeerCall(client.openRelay(), parseOpenRelayResponse),
      ask: async (deadlineMs) => {
        await callUnary(client, HEALTH_CHECK, undefined, deadlineMs);
      },
    };
  }

  /** @throws {SluiceError} INVALID_STATE when the holder's session is still in use. */
  async yieldStream(grpcAddress: string, wish: StreamYield, deadlineMs: number): Promise<void> {
    const client = this.#clientAt(grpcAddress);
    const message = { ...wish, name: { ...wish.name } };
    await callUnary(client, client.yieldStream.bind(client), message, deadlineMs);
  }

  /** @throws {SluiceError} as the other server and that node say. */
  async takeOverPull(grpcAddress: string, pull: PullHandOver): Promise<void> {
    const { name, ...rest } = pull;
    const client = this.#clientAt(grpcAddress);
    const message = { ...rest, stream: { ...name } };
    await callUnary(client, client.takeOverPull.bind(client), message, TAKE_OVER_DEADLINE_MS);
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }

  #clientAt(grpcAddress: string): RelayPeerClient {
    const known = this.#clients.get(grpcAddress);
    if (known) return known;
    const options = { ...CLIENT_OPTIONS, ...KEEPALIVE };
    const client = new RelayPeerClient(grpcAddress, this.credentials, options);
    this.#clients.set(grpcAddress, client);
    return client;
  }
}

function toPeerCall<Request, Response>(
  call: ClientDuplexStream<Request, Response>,
  parse: (response: Response) => Response,
): PeerCall<Request, Response> {
  let ended = false;
  // Whoever reads the responses is told as well; but a call may break while nobody reads.
  call.on('error', () => undefined);
  return {
    responses: parsedResponses(call, parse),
    send: (request) => {
      if (!ended) call.write(request);
    },
    end: () => {
      if (ended) return;
      ended = true;
      call.cancel();
    },
  };
}

async function* parsedResponses<Request, Response>(
  call: ClientDuplexStream<Request, Response>,
  parse: (response: Response) => Response,
): AsyncGenerator<Response> {
  for await (const response of responsesOf<Response>(call)) yield parse(response);
}
