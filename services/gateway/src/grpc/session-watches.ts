import { status as GrpcStatus, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import { SluiceError, isErrorCode } from '@sluice/core';
import { fromStatus, responsesOf } from '@sluice/grpc-kit';
import type {
  MediaNodeClient,
  SessionEvent,
  WatchSessionsRequest,
  WatchSessionsResponse,
} from '@sluice/proto-gen/media_node';
import { Inbox } from './inbox.js';

type Call = ClientDuplexStream<WatchSessionsRequest, WatchSessionsResponse>;

/**
 * What the sessions of one node have to say, all over one call: a call of its own for each would
 * cost a gateway most of the memory that an idle session takes.
 */
export class SessionWatches {
  readonly #inboxes = new Map<number, Inbox<SessionEvent>>();
  #call: Call | undefined;
  #lastId = 0;
  /** The node is older than this gateway, and knows only a call for each. */
  #oneByOne = false;

  constructor(
    private readonly client: MediaNodeClient,
    private readonly gatewayId: string,
  ) {}

  /**
   * Ends when the node says that the watch is over, or `signal` aborts.
   *
   * @throws {SluiceError} as the node's own, or UNAVAILABLE when the connection breaks.
   */
  async *watch(sessionId: string, signal: AbortSignal): AsyncGenerator<SessionEvent> {
    if (signal.aborted) return;
    if (this.#oneByOne) {
      yield* this.#watchAlone(sessionId, signal);
      return;
    }
    const watchId = (this.#lastId += 1);
    const inbox = new Inbox<SessionEvent>();
    this.#inboxes.set(watchId, inbox);
    const call = this.#opened();
    const stop = () => inbox.end();
    signal.addEventListener('abort', stop, { once: true });
    try {
      call.write({ watchId, begin: { sessionId, gatewayId: this.gatewayId } });
      yield* inbox.messages();
    } finally {
      signal.removeEventListener('abort', stop);
      this.#forget(watchId, call);
    }
  }

  async *#watchAlone(sessionId: string, signal: AbortSignal): AsyncGenerator<SessionEvent> {
    const call = this.client.watchSession({ sessionId, gatewayId: this.gatewayId });
    const cancel = () => call.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      yield* responsesOf(call);
    } finally {
      signal.removeEventListener('abort', cancel);
    }
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
    const inbox = this.#inboxes.get(watchId);
    if (event) inbox?.put(event);
    if (!ended) return;
    const { code, message } = ended;
    this.#inboxes.delete(watchId);
    if (code === '') inbox?.end();
    else inbox?.fail(new SluiceError(isErrorCode(code) ? code : 'INTERNAL', message));
  }

  /** What the watches wait for comes over that call no more. */
  #lose(call: Call, error: SluiceError): void {
    if (this.#call !== call) return;
    this.#call = undefined;
    const inboxes = [...this.#inboxes.values()];
    this.#inboxes.clear();
    for (const inbox of inboxes) inbox.fail(error);
  }

  #forget(watchId: number, call: Call): void {
    if (!this.#inboxes.delete(watchId) || this.#call !== call) return;
    if (this.#inboxes.size > 0) call.write({ watchId, begin: undefined });
    else this.#close(call);
  }

  /** Nothing is watched there: the connection may become idle. */
  #close(call: Call): void {
    this.#call = undefined;
    call.cancel();
  }
}
