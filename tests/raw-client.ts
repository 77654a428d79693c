import { once } from 'node:events';
import { WebSocket, type RawData } from 'ws';
import type { Frame } from './browser/page/dialect-client.js';

const REPLY_TIMEOUT_MS = 10_000;

/** A WebSocket that says whatever a test wants it to say. */
export class RawClient {
  readonly frames: Frame[] = [];
  readonly #socket: WebSocket;
  readonly #waiting = new Set<() => void>();
  #closeCode: number | undefined;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: RawData) => {
      this.frames.push(JSON.parse((data as Buffer).toString('utf8')) as Frame);
      this.#wake();
    });
    socket.on('close', (code) => {
      this.#closeCode = code;
      this.#wake();
    });
    // A server that ends the connection in the middle of a write is part of what is tested.
    socket.on('error', () => undefined);
  }

  static async open(url: string): Promise<RawClient> {
    const socket = new WebSocket(url);
    const client = new RawClient(socket);
    await once(socket, 'open');
    return client;
  }

  /** Opened, authenticated, and in the room where one is given. */
  static async enter(url: string, token: string, room?: string): Promise<RawClient> {
    const client = await RawClient.open(url);
    client.send({ type: 'auth', token });
    await client.until('authenticated');
    if (room !== undefined) {
      client.send({ type: 'join-room', roomName: room });
      await client.until('room-joined');
    }
    return client;
  }

  get closed(): boolean {
    return this.#closeCode !== undefined;
  }

  /** An object goes as JSON, everything else as it is. */
  send(message: object | string | Buffer): void {
    const raw = typeof message === 'string' || Buffer.isBuffer(message);
    this.#socket.send(raw ? message : JSON.stringify(message));
  }

  /** The next frame of that type, after those seen by `from`. */
  async until(type: string, from = 0): Promise<Frame> {
    return this.#eventually(type, () =>
      this.frames.slice(from).find((frame) => frame.type === type),
    );
  }

  /** The code with which the server ends the connection. */
  untilClosed(): Promise<number> {
    return this.#eventually('the end of the connection', () => this.#closeCode);
  }

  async close(): Promise<void> {
    this.#socket.close();
    await this.untilClosed();
  }

  async #eventually<T>(what: string, find: () => T | undefined): Promise<T> {
    const late = AbortSignal.timeout(REPLY_TIMEOUT_MS);
    late.addEventListener('abort', () => this.#wake());
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      if (late.aborted) throw new Error(`waited in vain for ${what}: ${this.#heard()}`);
      if (this.closed) throw new Error(`closed while waiting for ${what}: ${this.#heard()}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  #heard(): string {
    const last = JSON.stringify(this.frames.at(-1) ?? null).slice(0, 300);
    return `close code ${String(this.#closeCode)}, last frame ${last}`;
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}
