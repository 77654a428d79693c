import { Emitter } from './emitter.js';
import { CONNECTION_LOST, ClientError, DEADLINE_EXCEEDED } from './errors.js';
import {
  parseMessage,
  type ClientMessage,
  type ServerMessage,
  type ServerMessageOf,
} from './wire.js';

interface SignalingEvents {
  /** Everything that is not the reply to a request, and `subscribe-offer` always. */
  message: [message: ServerMessage];
  /** Exactly once, unless `close()` was called first. */
  lost: [];
}

interface Pending {
  readonly resolve: (message: ServerMessage) => void;
  readonly reject: (error: Error) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

export type Credentials =
  | { readonly type: 'auth'; readonly token: string }
  | { readonly type: 'resume'; readonly resumeToken: string };

export type Welcome = ServerMessageOf<'authenticated' | 'resumed'>;

const OPEN_TIMEOUT_MS = 8_000;
const REPLY_TIMEOUT_MS = 10_000;
/** Tells the server that this is no farewell: the session is to live on for its grace time. */
const CLOSE_LOST = 4_000;
const CLOSE_FAREWELL = 1_000;

/** One authenticated WebSocket: requests with replies, and events. It does not reconnect. */
export class Signaling extends Emitter<SignalingEvents> {
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #over = false;

  private constructor(
    private readonly socket: WebSocket,
    readonly welcome: Welcome,
  ) {
    super();
    socket.onmessage = (event) => this.#handle(parseMessage(event.data));
    socket.onclose = () => this.#end('lost');
  }

  /** @throws {ClientError} the server's code, CONNECTION_LOST or DEADLINE_EXCEEDED. */
  static async open(url: string, credentials: Credentials): Promise<Signaling> {
    const socket = new WebSocket(url);
    try {
      return new Signaling(socket, await welcomed(socket, credentials));
    } catch (error) {
      socket.close(CLOSE_LOST);
      throw error;
    }
  }

  send(message: ClientMessage): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  /** @throws {ClientError} the server's code, CONNECTION_LOST or DEADLINE_EXCEEDED. */
  async request<Reply extends ServerMessage['type']>(
    message: ClientMessage,
    replies: readonly Reply[],
    timeoutMs = REPLY_TIMEOUT_MS,
  ): Promise<ServerMessageOf<Reply>> {
    const answer = await this.#ask(message, timeoutMs);
    if (answer.type === 'error') throw errorOf(answer);
    if (!replies.some((reply) => reply === answer.type)) {
      throw new ClientError('INTERNAL', `${message.type} was answered by ${answer.type}`);
    }
    return answer as ServerMessageOf<Reply>;
  }

  /** Says goodbye: the server ends the session at once. */
  close(): void {
    this.#close(CLOSE_FAREWELL);
  }

  /** Gives the socket up without a goodbye: the session may be resumed from another socket. */
  abandon(): void {
    this.#close(CLOSE_LOST);
  }

  #close(code: number): void {
    this.#end();
    this.socket.close(code);
  }

  #ask(message: ClientMessage, timeoutMs: number): Promise<ServerMessage> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      if (this.#over) {
        reject(new ClientError(CONNECTION_LOST, 'the connection is closed'));
        return;
      }
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new ClientError(DEADLINE_EXCEEDED, `no answer to ${message.type}`));
      }, timeoutMs);
      this.#pending.set(id, { resolve, reject, timer });
      this.socket.send(JSON.stringify({ ...message, id }));
    });
  }

  #handle(message: ServerMessage | undefined): void {
    if (!message) return;
    const id = 'id' in message && typeof message.id === 'number' ? message.id : undefined;
    const pending = id === undefined ? undefined : this.#pending.get(id);
    if (id !== undefined) this.#pending.delete(id);
    if (pending) {
      clearTimeout(pending.timer);
      pending.resolve(message);
    }
    const late = id !== undefined && !pending && message.type === 'error';
    if (message.type === 'subscribe-offer' || (!pending && !late)) this.emit('message', message);
  }

  #end(event?: 'lost'): void {
    if (this.#over) return;
    this.#over = true;
    this.socket.onmessage = null;
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(new ClientError(CONNECTION_LOST, 'the connection was lost'));
    }
    this.#pending.clear();
    if (event) this.emit(event);
  }
}

function welcomed(socket: WebSocket, credentials: Credentials): Promise<Welcome> {
  const { promise, resolve, reject } = Promise.withResolvers<Welcome>();
  const timer = setTimeout(
    () => reject(new ClientError(DEADLINE_EXCEEDED, 'the server does not answer')),
    OPEN_TIMEOUT_MS,
  );
  socket.onopen = () => socket.send(JSON.stringify(credentials));
  socket.onclose = () => reject(new ClientError(CONNECTION_LOST, 'the server cannot be reached'));
  socket.onmessage = (event) => {
    const message = parseMessage(event.data);
    if (message?.type === 'authenticated' || message?.type === 'resumed') resolve(message);
    if (message?.type === 'error') reject(errorOf(message));
  };
  return promise.finally(() => clearTimeout(timer));
}

function errorOf({ code, message }: ServerMessageOf<'error'>): ClientError {
  return new ClientError(code, message);
}
