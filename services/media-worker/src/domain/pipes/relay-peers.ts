import type {
  OpenPipeRequest,
  OpenPipeResponse,
  OpenRelayRequest,
  OpenRelayResponse,
} from '@sluice/proto-gen/media_node';

/** A call that stays open, with messages both ways: how two routers agree on a pipe or a relay. */
export interface PeerCall<Request, Response> {
  /** Ends with the call; throws SluiceError when it was refused or broke. */
  readonly responses: AsyncIterator<Response>;
  readonly send: (request: Request) => void;
  /** Idempotent. The callee is told, and the responses end. */
  readonly end: () => void;
}

/** Another router's node, as one that pulls from it calls it. */
export interface RelayPeer {
  readonly openPipe: () => PeerCall<OpenPipeRequest, OpenPipeResponse>;
  readonly openRelay: () => PeerCall<OpenRelayRequest, OpenRelayResponse>;
  /** @throws {SluiceError} when its control process does not answer in time. */
  readonly ask: (deadlineMs: number) => Promise<void>;
}

/** Answers a {@link PeerCall}: it returns, or throws, to end the call itself. */
export type ServeCall<Request, Response> = (
  requests: AsyncIterable<Request>,
  write: (response: Response) => void,
  /** Aborts when the caller has gone. */
  context: { readonly signal: AbortSignal },
) => Promise<void>;

/** This node, as one that pulls from it calls it. */
export interface RelayService {
  readonly openPipe: ServeCall<OpenPipeRequest, OpenPipeResponse>;
  readonly openRelay: ServeCall<OpenRelayRequest, OpenRelayResponse>;
}
