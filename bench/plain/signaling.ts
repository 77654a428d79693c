import type { Producer } from 'mediasoup/types';
import type { WebSocket } from 'ws';
import { ClientConnection } from './client-connection.js';
import { Pipe, type Core } from './media.js';

interface Message {
  readonly type: string;
  readonly id?: unknown;
  readonly token?: string;
  readonly roomName?: string;
  readonly offer?: string;
  readonly answer?: string;
  readonly publisherId?: string;
}

interface Published {
  readonly core: Core;
  readonly producers: readonly Producer[];
}

/**
 * The least that the same page and the same load client need to publish and to watch. A token is
 * `subject@core`; nothing is checked, since a plain program's own checks are not what is measured.
 */
export class PlainServer {
  readonly #published = new Map<string, Published>();
  readonly #pipe: Pipe;

  constructor(private readonly cores: readonly [Core, Core]) {
    this.#pipe = new Pipe(cores[0], cores[1]);
  }

  serve(socket: WebSocket): void {
    const client = new Client(socket, this.cores, this.#published, this.#pipe);
    let last: Promise<void> = Promise.resolve();
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString('utf8')) as Message;
      last = last
        .then(() => client.handle(message))
        .catch((error: unknown) => {
          console.error(error);
          socket.close(1011);
        });
    });
    socket.on('close', () => void last.then(() => client.leave()));
  }
}

class Client {
  #subject = '';
  #home = 0;
  #publishing: ClientConnection | undefined;
  readonly #watching = new Map<string, ClientConnection>();

  constructor(
    private readonly socket: WebSocket,
    private readonly cores: readonly [Core, Core],
    private readonly published: Map<string, Published>,
    private readonly pipe: Pipe,
  ) {}

  get #core(): Core {
    return this.cores[this.#home] ?? this.cores[0];
  }

  async handle(message: Message): Promise<void> {
    const { type, id, roomName = '' } = message;
    if (type === 'auth') {
      const [subject = '', home = '0'] = (message.token ?? '').split('@');
      this.#subject = subject;
      this.#home = Number(home);
      this.#send({ type: 'authenticated', userId: subject });
    } else if (type === 'join-room') {
      this.#send({ type: 'room-joined', id, roomName, node: `core-${this.#home}`, publishers: [] });
    } else if (type === 'publish-offer') {
      const answer = await this.#publish(message.offer ?? '');
      this.#send({ type: 'publish-answer', id, roomName, answer });
    } else if (type === 'subscribe-request') {
      const publisherId = message.publisherId ?? '';
      const offer = await this.#subscribe(publisherId, roomName);
      this.#send({ type: 'subscribe-offer', id, roomName, publisherId, offer });
    } else if (type === 'subscribe-answer') {
      await this.#watching.get(message.publisherId ?? '')?.receiveAnswer(message.answer ?? '');
    }
  }

  leave(): void {
    this.#publishing?.close();
    if (this.#publishing) this.published.delete(this.#subject);
    for (const connection of this.#watching.values()) connection.close();
  }

  async #publish(offer: string): Promise<string> {
    this.#publishing = await ClientConnection.open(this.#core);
    const answer = await this.#publishing.publish(offer);
    const { producers } = this.#publishing;
    this.published.set(this.#subject, { core: this.#core, producers });
    return answer;
  }

  async #subscribe(publisherId: string, roomName: string): Promise<string> {
    const published = this.published.get(publisherId);
    if (!published) throw new Error(`${publisherId} does not publish`);
    const connection = await ClientConnection.open(this.#core);
    this.#watching.set(publisherId, connection);
    const far = published.core !== this.#core;
    const producers = far
      ? await Promise.all(published.producers.map((producer) => this.pipe.carry(producer)))
      : published.producers;
    return connection.subscribe(producers, `${roomName}-${publisherId}`);
  }

  #send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }
}
