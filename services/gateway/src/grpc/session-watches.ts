import { status as GrpcStatus, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import { SluiceError, isErrorCode } from '@sluice/core';
import { fromStatus, responsesOf } from '@sluice/grpc-kit';
import type {
  MediaNodeClient,
  SessionEvent,
  WatchSessionsRequest,
  WatchSessionsResponse,
} from '@sluice/proto-gen/media_node';
import type { SessionWatch } from '../domain/ports.js';

type Call = ClientDuplexStream<WatchSessionsRequest, WatchSessionsResponse>;

export interface WatchListener {
  onEvent(event: SessionEvent): void;
  /** Once, last: an error unless the node itself ended the watch without one. */
  onOver(error: unknown): void;
}

/**
 * What the sessions of one node have to say, all over one call: a call of its own for each would
 * cost a gateway most of the memory that an idle session takes.
 */
export class SessionWatches {
  readonly #watches = new Map<number, WatchListener>();
  #call: Call | undefined;
  #lastId = 0;
  /** The node is older than this gateway, and knows only a call for each. */
  #oneByOne = false;

  constructor(
    private readonly client: MediaNodeClient,
    private readonly gatewayId: string,
  ) {}

  /** `listener` hears everything in order, and how it ended, unless it stopped the watch itself. */
  watch(sessionId: string, listener: WatchListener): SessionWatch {
    if (this.#oneByOne) return this.#watchAlone(sessionId, listener);
    const watchId = (this.#lastId += 1);
    const call = this.#opened();
    this.#watches.set(watchId, listener);
    call.write({ watchId, begin: { sessionId, gatewayId: this.gatewayId } });
    return { stop: () => this.#stop(watchId, call) };
  }

  #watchAlone(sessionId: string, listener: WatchListener): SessionWatch {
    const call = this.client.watchSession({ sessionId, gatewayId: this.gatewayId });
    let stopped = false;
    const follow = async () => {
      for await (const event of responsesOf(call)) if (!stopped) listener.onEvent(event);
    };
    follow().then(
      () => stopped || listener.onOver(undefined),
      (error: unknown) => stopped || listener.onOver(error),
    );
    return {
      stop: () => {
        stopped = true;
        call.cancel();
      },
    };
  }

  #opened(): Call {
    if (this.#call) return this.#call;
    const call = this.client.watchSessions();
    this.#call = call;
    call.on('data', (response: WatchSessionsResponse) => this.#receive(response));
    call.on('end', () => this.#lose(call, new SluiceError('UNAVAILABLE', 'the call has ended')));
    call.on('error', (error: ServiceError) => {
      if (error.code === GrpcStatus.UNIMPLEMENTED) this.#oneByOne = true;
      this.#lose(call, fromStatus(error));
    });
    return call;
  }

  #receive({ watchId, event, ended }: WatchSessionsResponse): void {
    const listener = this.#watches.get(watchId);
    if (event) listener?.onEvent(event);
    if (!ended || !this.#watches.delete(watchId)) return;
    const { code, message } = ended;
    const failed = code !== '';
    listener?.onOver(
      failed ? new SluiceError(isErrorCode(code) ? code : 'INTERNAL', message) : undefined,
    );
  }

  /** What the watches wait for comes over that call no more. */
  #lose(call: Call, error: SluiceError): void {
    if (this.#call !== call) return;
    this.#call = undefined;
    const listeners = [...this.#watches.values()];
    this.#watches.clear();
    for (const listener of listeners) listener.onOver(error);
  }

  #stop(watchId: number, call: Call): void {
    if (!this.#watches.delete(watchId) || this.#call !== call) return;
    if (this.#watches.size > 0) call.write({ watchId, begin: undefined });
    else this.#close(call);
  }

  /** Nothing is watched there: the connection may become idle. */
  #close(call: Call): void {
    this.#call = undefined;
    call.cancel();
  }
}
