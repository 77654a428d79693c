import { SluiceError } from '@sluice/core';
import type { PeerCall, RelayPeer, RelayService, ServeCall } from '../pipes/relay-peers.js';

/** This node as its own peer: relays between its cores take the same way as those between nodes. */
export function loopbackPeer(service: RelayService): RelayPeer {
  return {
    openPipe: () => callHere(service.openPipe),
    openRelay: () => callHere(service.openRelay),
    ask: () => Promise.resolve(),
  };
}

function callHere<Request, Response>(
  serve: ServeCall<Request, Response>,
): PeerCall<Request, Response> {
  const requests = new MessageQueue<Request>();
  const responses = new MessageQueue<Response>();
  const caller = new AbortController();
  serve(requests, (response) => responses.push(response), { signal: caller.signal }).then(
    () => responses.end(),
    (error: unknown) => responses.end(SluiceError.from(error)),
  );
  return {
    responses,
    send: (request) => requests.push(request),
    end: () => {
      caller.abort();
      requests.end();
      responses.end();
    },
  };
}

interface Waiting<Message> {
  readonly resolve: (result: IteratorResult<Message, undefined>) => void;
  readonly reject: (error: SluiceError) => void;
}

/** Messages in order for one reader, which may be ahead of the writer or behind. */
class MessageQueue<Message> implements AsyncIterableIterator<Message, undefined> {
  readonly #messages: Message[] = [];
  #waiting: Waiting<Message> | undefined;
  #ended = false;
  #error: SluiceError | undefined;

  push(message: Message): void {
    if (this.#ended) return;
    if (!this.#waiting) {
      this.#messages.push(message);
      return;
    }
    this.#waiting.resolve({ value: message, done: false });
    this.#waiting = undefined;
  }

  /** What was pushed before is still read. */
  end(error?: SluiceError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (!waiting) return;
    if (error) waiting.reject(error);
    else waiting.resolve({ value: undefined, done: true });
  }

  next(): Promise<IteratorResult<Message, undefined>> {
    const message = this.#messages.shift();
    if (message !== undefined) return Promise.resolve({ value: message, done: false });
    if (this.#error) return Promise.reject(this.#error);
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
