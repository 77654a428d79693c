import { once } from 'node:events';
import { WebSocket, type ClientOptions } from 'ws';
import { eventually } from '@sluice/testing';
import type { ServerMessage, ServerMessageOf, ServerMessageType } from '@sluice/protocol';

/** A client that keeps everything it receives. */
export class TestClient {
  readonly received: ServerMessage[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;
  /** Messages before this one were waited for already. */
  readonly #taken = new Set<ServerMessage>();

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data) => {
      this.received.push(JSON.parse((data as Buffer).toString('utf8')) as ServerMessage);
    });
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString('utf8') };
    });
    socket.on('error', () => undefined);
  }

  static async open(url: string, options: ClientOptions = {}): Promise<TestClient> {
    const socket = new WebSocket(url, options);
    const client = new TestClient(socket);
    await once(socket, 'open');
    return client;
  }

  /** Opens and authenticates. */
  static async enter(url: string, token: string): Promise<TestClient> {
    const client = await TestClient.open(url);
    client.send({ type: 'auth', token });
    await client.next('authenticated');
    return client;
  }

  send(message: unknown): void {
    this.socket.send(JSON.stringify(message));
  }

  sendText(text: string): void {
    this.socket.send(text);
  }

  /** The first message of a type, as far as `matches`, that was not returned before. */
  async next<Type extends ServerMessageType>(
    type: Type,
    matches: (message: ServerMessageOf<Type>) => boolean = () => true,
    timeoutMs?: number,
  ): Promise<ServerMessageOf<Type>> {
    let found: ServerMessageOf<Type> | undefined;
    await eventually(() => {
      found = this.received.find(
        (message): message is ServerMessageOf<Type> =>
          message.type === type &&
          !this.#taken.has(message) &&
          matches(message as ServerMessageOf<Type>),
      );
      if (found) return undefined;
      const closed = this.closed ? `, closed ${String(this.closed.code)}` : '';
      return `no ${type} among ${JSON.stringify(this.received)}${closed}`;
    }, timeoutMs);
    this.#taken.add(found!);
    return found!;
  }

  count(type: ServerMessageType): number {
    return this.received.filter((message) => message.type === type).length;
  }

  async ended(): Promise<{ readonly code: number; readonly reason: string }> {
    await eventually(() => (this.closed ? undefined : 'still open'));
    return this.closed!;
  }

  /** Says goodbye. */
  async leave(): Promise<void> {
    if (!this.closed) this.socket.close(1000);
    await this.ended();
  }

  /** Vanishes. */
  vanish(): void {
    this.socket.terminate();
  }
}
