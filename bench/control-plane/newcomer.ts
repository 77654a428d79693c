import { once } from 'node:events';
import { WebSocket } from 'ws';
import { answerTo, newOffer } from './newcomer-sdp.js';

interface Frame {
  readonly type: string;
  readonly id?: unknown;
  readonly [field: string]: unknown;
}

export interface Arrival {
  readonly url: string;
  readonly token: string;
  readonly room: string;
  /** Whom it watches; nobody where it is not given. */
  readonly publisherId?: string | undefined;
}

const PATIENCE_MS = 10_000;
/** So that no gateway takes us for one address that opens sockets by the hundred. */
const ADDRESSES = 200;
let addressesUsed = 0;

function nextLocalAddress(): string {
  addressesUsed = (addressesUsed + 1) % ADDRESSES;
  return `127.0.1.${1 + addressesUsed}`;
}

/** A client that only signals: its PeerConnections are SDP, the server's transports are real. */
export class Newcomer {
  readonly #waiting = new Map<string, PromiseWithResolvers<Frame>>();

  private constructor(private readonly socket: WebSocket) {
    socket.on('message', (data: Buffer) => this.#receive(data));
    socket.on('close', () => this.#giveUp('the connection ended'));
    socket.on('error', () => undefined);
  }

  /** Connects and shows who it is. */
  static async connect(url: string, token: string): Promise<Newcomer> {
    const localAddress = nextLocalAddress();
    const socket = new WebSocket(url, { localAddress, perMessageDeflate: false });
    const newcomer = new Newcomer(socket);
    await newcomer.#inTime(async () => {
      await once(socket, 'open');
      await newcomer.#ask({ type: 'auth', token }, 'authenticated');
    });
    return newcomer;
  }

  /** Resolves when what it publishes is answered and what it watches is offered. */
  static async join({ url, token, room, publisherId }: Arrival): Promise<Newcomer> {
    const newcomer = await Newcomer.connect(url, token);
    await newcomer.enter(room);
    await newcomer.#inTime(() =>
      Promise.all([newcomer.#publish(room), newcomer.#watch(room, publisherId)]),
    );
    return newcomer;
  }

  async enter(roomName: string): Promise<void> {
    await this.#inTime(() => this.#ask({ type: 'join-room', roomName }));
  }

  leave(): void {
    this.socket.close();
  }

  async #publish(roomName: string): Promise<void> {
    await this.#ask({ type: 'publish-offer', roomName, offer: newOffer() });
  }

  async #watch(roomName: string, publisherId: string | undefined): Promise<void> {
    if (publisherId === undefined) return;
    const { offer } = await this.#ask({ type: 'subscribe-request', roomName, publisherId });
    const answer = answerTo(String(offer));
    this.#send({ type: 'subscribe-answer', roomName, publisherId, answer });
  }

  /** @param answeredBy the type of the reply; where it is not given, the request carries an id. */
  async #ask(
    message: { readonly type: string; readonly [field: string]: unknown },
    answeredBy?: string,
  ): Promise<Frame> {
    const key = answeredBy ?? message.type;
    const waiting = Promise.withResolvers<Frame>();
    this.#waiting.set(key, waiting);
    this.#send(answeredBy === undefined ? { ...message, id: key } : message);
    const frame = await waiting.promise;
    this.#waiting.delete(key);
    return frame;
  }

  #send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  #receive(data: Buffer): void {
    const frame = JSON.parse(data.toString('utf8')) as Frame;
    const key = typeof frame.id === 'string' ? frame.id : frame.type;
    const waiting = this.#waiting.get(key);
    if (frame.type === 'error') waiting?.reject(new Error(String(frame['message'])));
    else waiting?.resolve(frame);
  }

  async #inTime<T>(work: () => Promise<T>): Promise<T> {
    const late = setTimeout(() => this.#giveUp('no answer'), PATIENCE_MS);
    try {
      return await work();
    } catch (error) {
      this.socket.terminate();
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  #giveUp(reason: string): void {
    for (const { reject } of this.#waiting.values()) reject(new Error(reason));
    this.#waiting.clear();
    this.socket.terminate();
  }
}
