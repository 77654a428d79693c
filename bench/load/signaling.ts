import { once } from 'node:events';
import { WebSocket } from 'ws';

interface Frame {
  readonly type: string;
  readonly id?: unknown;
  readonly [field: string]: unknown;
}

const REPLY_TIMEOUT_MS = 15_000;

/** The client's side of the main dialect, as far as publishing and watching need it. */
export class Signaling {
  readonly #socket: WebSocket;
  readonly #replies = new Map<string, (frame: Frame) => void>();
  #requests = 0;

  private constructor(socket: WebSocket, onAuthenticated: () => void) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString('utf8')) as Frame;
      if (frame.type === 'authenticated') onAuthenticated();
      if (typeof frame.id === 'string') this.#replies.get(frame.id)?.(frame);
    });
  }

  static async enter(url: string, token: string, room: string): Promise<Signaling> {
    const socket = new WebSocket(url);
    const authenticated = Promise.withResolvers<undefined>();
    const signaling = new Signaling(socket, () => authenticated.resolve(undefined));
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'auth', token }));
    await authenticated.promise;
    return signaling.#join(room);
  }

  /** The home node that the server has chosen. */
  node = '';

  send(message: object): void {
    this.#socket.send(JSON.stringify(message));
  }

  async request(message: {
    readonly type: string;
    readonly [field: string]: unknown;
  }): Promise<Frame> {
    this.#requests += 1;
    const id = String(this.#requests);
    const reply = new Promise<Frame>((resolve, reject) => {
      const late = setTimeout(
        () => reject(new Error(`no reply to ${message.type}`)),
        REPLY_TIMEOUT_MS,
      );
      this.#replies.set(id, (frame) => {
        clearTimeout(late);
        resolve(frame);
      });
    });
    this.send({ ...message, id });
    const frame = await reply;
    this.#replies.delete(id);
    if (frame.type === 'error') throw new Error(`${message.type}: ${String(frame['message'])}`);
    return frame;
  }

  /** Leaves the room and enters it again, which a spreading cluster answers with another home. */
  async moveOn(room: string): Promise<void> {
    await this.request({ type: 'leave-room', roomName: room });
    await this.#join(room);
  }

  close(): void {
    this.#socket.close();
  }

  async #join(room: string): Promise<this> {
    const joined = await this.request({ type: 'join-room', roomName: room });
    this.node = String(joined['node']);
    return this;
  }
}
