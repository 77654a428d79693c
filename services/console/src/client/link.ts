import { RECONNECT, delayMs } from './backoff.js';
import { Emitter } from './emitter.js';
import { CONNECTION_LOST, ClientError, isTransient, worthRetrying } from './errors.js';
import { Signaling } from './signaling.js';
import type { ClientMessage, ServerMessage, ServerMessageOf } from './wire.js';

type Resumed = ServerMessageOf<'resumed'>;

export interface LinkOptions {
  readonly url: string;
  /** A token for a new session; asked for each time, since tokens expire. */
  readonly token: () => Promise<string>;
}

interface LinkEvents {
  message: [message: ServerMessage];
  /** The socket is gone; attempts to bring it back follow until `resumed`, `renewed` or `failed`. */
  lost: [];
  /** The same session goes on over another socket. */
  resumed: [resumed: Resumed];
  /** A new session: nothing of the old one is left. */
  renewed: [];
  /** No attempt will help. */
  failed: [error: ClientError];
}

/** The way to the server: a socket that is replaced when it is lost, with the session it carries. */
export class Link extends Emitter<LinkEvents> {
  #signaling: Signaling | undefined;
  #resumeToken: string | undefined;
  #iceServers: RTCIceServer[] = [];
  #closed = false;
  #hurry: (() => void) | undefined;

  constructor(private readonly options: LinkOptions) {
    super();
  }

  get iceServers(): RTCIceServer[] {
    return this.#iceServers;
  }

  /** Opens a first session. Throws what the server or the socket says. */
  async open(): Promise<void> {
    const token = await this.options.token();
    this.#use(await Signaling.open(this.options.url, { type: 'auth', token }));
  }

  send(message: ClientMessage): void {
    this.#signaling?.send(message);
  }

  /** @throws {ClientError} the server's code, CONNECTION_LOST or DEADLINE_EXCEEDED. */
  request<Reply extends ServerMessage['type']>(
    message: ClientMessage,
    replies: readonly Reply[],
    timeoutMs?: number,
  ): Promise<ServerMessageOf<Reply>> {
    if (!this.#signaling) return Promise.reject(new ClientError(CONNECTION_LOST, 'no connection'));
    return this.#signaling.request(message, replies, timeoutMs);
  }

  /** Gives up a socket that no longer answers, though it did not say that it is closed. */
  suspect(): void {
    if (!this.#signaling) return;
    this.#signaling.abandon();
    this.#lose();
  }

  /** Do not wait for the next attempt: the machine has just come online. */
  hurry(): void {
    this.#hurry?.();
  }

  close(): void {
    this.#closed = true;
    this.#signaling?.close();
    this.#signaling = undefined;
    this.#hurry?.();
  }

  #use(signaling: Signaling): void {
    if (this.#closed) {
      signaling.close();
      throw new ClientError('CANCELLED', 'left meanwhile');
    }
    this.#signaling = signaling;
    this.#resumeToken = signaling.welcome.resumeToken;
    this.#iceServers = signaling.welcome.iceServers as unknown as RTCIceServer[];
    signaling.on('message', (message) => this.emit('message', message));
    signaling.on('lost', () => this.#lose());
  }

  #lose(): void {
    this.#signaling = undefined;
    if (this.#closed) return;
    this.emit('lost');
    void this.#recover();
  }

  async #recover(): Promise<void> {
    for (let attempt = 0; !this.#closed; attempt += 1) {
      await this.#pause(delayMs(attempt, RECONNECT, Math.random));
      try {
        const resumed = await this.#reopen();
        if (resumed) this.emit('resumed', resumed);
        else this.emit('renewed');
        return;
      } catch (error) {
        if (!worthRetrying(error)) {
          this.emit(
            'failed',
            error instanceof ClientError ? error : new ClientError('INTERNAL', ''),
          );
          return;
        }
      }
    }
  }

  /** Resumes the session where the server still has it; otherwise begins a new one. */
  async #reopen(): Promise<Resumed | undefined> {
    const resumeToken = this.#resumeToken;
    if (resumeToken === undefined) {
      await this.open();
      return undefined;
    }
    try {
      const signaling = await Signaling.open(this.options.url, { type: 'resume', resumeToken });
      this.#use(signaling);
      return signaling.welcome.type === 'resumed' ? signaling.welcome : undefined;
    } catch (error) {
      if (isTransient(error)) throw error;
      this.#resumeToken = undefined;
      await this.open();
      return undefined;
    }
  }

  #pause(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#hurry = undefined;
        resolve();
      };
      const timer = setTimeout(done, waitMs);
      this.#hurry = done;
    });
  }
}
