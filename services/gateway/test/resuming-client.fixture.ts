import { WebSocket } from 'ws';
import type { ServerMessage, ServerMessageOf, ServerMessageType } from '@sluice/protocol';

const RETRY_MS = 100;

/** A client that takes its session up again, over and over, when its socket is lost. */
export class ResumingClient {
  readonly received: ServerMessage[] = [];
  readonly resumed: ServerMessageOf<'resumed'>[] = [];
  /** How often its socket was lost. */
  losses = 0;
  #socket: WebSocket | undefined;
  #resumeToken: string | undefined;
  #roomName: string | undefined;
  #left = false;

  constructor(
    readonly subject: string,
    private readonly url: string,
    private readonly token: string,
    /** From where it connects, so that the bounds per address are not those of one client. */
    private readonly localAddress: string,
  ) {
    this.#connect();
  }

  has(type: ServerMessageType): boolean {
    return this.received.some((message) => message.type === type);
  }

  send(message: unknown): void {
    this.#socket?.send(JSON.stringify(message));
  }

  /** From now on, and again should the session have ended before it was resumed. */
  join(roomName: string): void {
    this.#roomName = roomName;
    this.send({ type: 'join-room', roomName });
  }

  /** Counts losses from now on. */
  forget(): void {
    this.losses = 0;
    this.resumed.length = 0;
  }

  leave(): void {
    this.#left = true;
    this.#socket?.close(1000);
  }

  #connect(): void {
    const socket = new WebSocket(this.url, { localAddress: this.localAddress });
    this.#socket = socket;
    socket.on('open', () => {
      if (this.#resumeToken === undefined) this.send({ type: 'auth', token: this.token });
      else this.send({ type: 'resume', resumeToken: this.#resumeToken });
    });
    socket.on('message', (data) => {
      const message = JSON.parse((data as Buffer).toString('utf8')) as ServerMessage;
      this.received.push(message);
      if (message.type === 'authenticated' || message.type === 'resumed') {
        this.#resumeToken = message.resumeToken;
      }
      if (message.type === 'resumed') {
        this.resumed.push(message);
        // It was lost while it joined: nothing to resume.
        if (!this.has('room-joined')) this.send({ type: 'join-room', roomName: this.#roomName });
      }
      // Room is made for a burst of joins with the nodes' next load report.
      if (message.type === 'error' && message.code === 'CAPACITY_EXHAUSTED') {
        setTimeout(() => this.send({ type: 'join-room', roomName: message.roomName }), RETRY_MS);
      }
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.#left) return;
      this.losses += 1;
      setTimeout(() => this.#connect(), this.losses === 1 ? Math.random() * RETRY_MS : RETRY_MS);
    });
  }
}
