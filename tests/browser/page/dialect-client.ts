import { DataTalk } from './data-talk.js';
import {
  encodings,
  keepSize,
  layeredEncodings,
  openMedia,
  paintedScreen,
  play,
  prefer,
  type Svc,
  type VideoWanted,
} from './media.js';
import { receivedBy, type Received } from './received.js';

/** A frame of the main dialect, as it came. */
export interface Frame {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface Published {
  readonly room: string;
  readonly purpose?: string;
  readonly video?: VideoWanted;
  readonly audio?: boolean;
  /** A painted picture instead of the camera's. */
  readonly screen?: { readonly width: number; readonly height: number };
  /** A data channel of that label. */
  readonly data?: string;
}

export interface Subscribed {
  readonly room: string;
  readonly publisher: string | number;
  readonly purpose?: string;
  /** Subscriptions with the same value share one PeerConnection. */
  readonly connection?: string;
}

const DEFAULT_PURPOSE = 'm.usermedia';

/** A client of the main dialect, written from its description and nothing else. */
export class DialectClient {
  readonly frames: Frame[] = [];
  /** On all its data channels. */
  readonly talk = new DataTalk();
  readonly #socket: WebSocket;
  readonly #publications = new Map<string, RTCPeerConnection>();
  readonly #subscriptions = new Map<string, RTCPeerConnection>();
  readonly #waiting = new Set<() => void>();
  /** Offers of one connection are answered in their order. */
  readonly #answering = new Map<string, Promise<void>>();
  #closed: { code: number; reason: string } | undefined;

  private constructor(url: string) {
    this.#socket = new WebSocket(url);
    this.#socket.onmessage = (event) => this.#onFrame(JSON.parse(String(event.data)) as Frame);
    this.#socket.onclose = ({ code, reason }) => {
      this.#closed = { code, reason };
      this.#wake();
    };
  }

  static async connect(url: string, token: string): Promise<DialectClient> {
    const client = new DialectClient(url);
    await new Promise((resolve) => (client.#socket.onopen = resolve));
    client.send({ type: 'auth', token });
    await client.until('authenticated');
    return client;
  }

  get closed(): { code: number; reason: string } | undefined {
    return this.#closed;
  }

  send(message: object): void {
    this.#socket.send(JSON.stringify(message));
  }

  /** The first frame of that type from the `from`th on whose fields are these. */
  async until(type: string, fields: Record<string, unknown> = {}, from = 0): Promise<Frame> {
    for (;;) {
      const found = this.frames.slice(from).find((frame) => matches(frame, type, fields));
      if (found) return found;
      if (this.#closed) throw new Error(`closed while waiting for ${type}: ${this.#closed.code}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Sends a request and gives its reply, or throws the error that came instead. */
  async request(message: {
    readonly type: string;
    readonly [field: string]: unknown;
  }): Promise<Frame> {
    const id = crypto.randomUUID();
    this.send({ ...message, id });
    for (;;) {
      const reply = this.frames.find((frame) => frame['id'] === id);
      if (reply?.type === 'error')
        throw new Error(`${String(reply['code'])}: ${String(reply['message'])}`);
      if (reply) return reply;
      if (this.#closed) throw new Error(`closed while waiting for ${message.type}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  join(room: string): Promise<Frame> {
    return this.request({ type: 'join-room', roomName: room });
  }

  /** Publishes on a new PeerConnection, or adds to the one that the purpose has. */
  async publish(wanted: Published): Promise<void> {
    const purpose = wanted.purpose ?? DEFAULT_PURPOSE;
    const connection = this.#publications.get(purpose) ?? new RTCPeerConnection();
    this.#publications.set(purpose, connection);
    if (wanted.data !== undefined) this.talk.add(connection.createDataChannel(wanted.data));
    const stream = wanted.screen
      ? paintedScreen(wanted.screen.width, wanted.screen.height)
      : await openMedia(wanted);
    for (const track of stream.getTracks()) {
      const { layers = 1, svc } = (track.kind === 'video' ? wanted.video : undefined) ?? {};
      const transceiver = connection.addTransceiver(track, {
        direction: 'sendonly',
        streams: [stream],
        ...(layers > 1 ? { sendEncodings: encodings(layers) } : {}),
        ...(svc ? { sendEncodings: layeredEncodings(svc) } : {}),
      });
      if (svc) prefer(svc.codec, transceiver);
      if (track.kind === 'video') await keepSize(transceiver.sender);
    }
    await this.#offer(wanted.room, purpose, connection, wanted.video?.svc);
  }

  async unpublish(room: string, purpose = DEFAULT_PURPOSE): Promise<void> {
    await this.request({ type: 'unpublish', roomName: room, purpose });
    this.#publications.get(purpose)?.close();
    this.#publications.delete(purpose);
  }

  /** Subscribes and answers the offer; whatever the server offers later is answered as well. */
  async subscribe({
    room,
    publisher,
    purpose = DEFAULT_PURPOSE,
    connection,
  }: Subscribed): Promise<void> {
    await this.request({
      type: 'subscribe-request',
      roomName: room,
      publisherId: publisher,
      purpose,
      ...(connection === undefined ? {} : { connection }),
    });
    await this.#answering.get(connectionKey({ publisherId: publisher, purpose, connection }));
  }

  async unsubscribe({
    room,
    publisher,
    purpose = DEFAULT_PURPOSE,
    connection,
  }: Subscribed): Promise<void> {
    await this.request({ type: 'unsubscribe', roomName: room, publisherId: publisher, purpose });
    if (connection !== undefined) return;
    const key = connectionKey({ publisherId: publisher, purpose, connection });
    this.#subscriptions.get(key)?.close();
    this.#subscriptions.delete(key);
  }

  /** What arrives of one subscription, or over one shared connection. */
  async received({
    publisher,
    purpose = DEFAULT_PURPOSE,
    connection,
  }: Omit<Subscribed, 'room'>): Promise<Received[]> {
    const key = connectionKey({ publisherId: publisher, purpose, connection });
    const peer = this.#subscriptions.get(key);
    return peer ? receivedBy(peer) : [];
  }

  /** Of each connection: `connected`, `failed`, and so on. */
  connectionStates(): Record<string, string> {
    return Object.fromEntries(
      [...this.#publications, ...this.#subscriptions].map(([key, peer]) => [
        key,
        peer.connectionState,
      ]),
    );
  }

  /** The last description of the other side. */
  remoteSdp(purpose = DEFAULT_PURPOSE): string {
    return this.#publications.get(purpose)?.remoteDescription?.sdp ?? '';
  }

  /** Leaves as a closed tab does. */
  close(): void {
    this.#socket.close();
    for (const peer of [...this.#publications.values(), ...this.#subscriptions.values()])
      peer.close();
  }

  async #offer(
    room: string,
    purpose: string,
    connection: RTCPeerConnection,
    svc?: Svc,
  ): Promise<void> {
    await connection.setLocalDescription();
    const video = connection.getTransceivers().find(({ sender }) => sender.track?.kind === 'video');
    const reply = await this.request({
      type: 'publish-offer',
      roomName: room,
      purpose,
      offer: connection.localDescription?.sdp ?? '',
      ...(svc?.told && { scalabilityModes: { [video?.mid ?? '']: svc.scalabilityMode } }),
    });
    await connection.setRemoteDescription({ type: 'answer', sdp: String(reply['answer']) });
  }

  #onFrame(frame: Frame): void {
    this.frames.push(frame);
    if (frame.type === 'subscribe-offer') {
      const key = connectionKey(frame);
      const before = this.#answering.get(key) ?? Promise.resolve();
      this.#answering.set(
        key,
        before.then(() => this.#answer(key, frame)),
      );
    }
    this.#wake();
  }

  async #answer(key: string, offer: Frame): Promise<void> {
    const connection = this.#subscriptions.get(key) ?? this.#receiver(key);
    await connection.setRemoteDescription({ type: 'offer', sdp: String(offer['offer']) });
    await connection.setLocalDescription();
    this.send({
      type: 'subscribe-answer',
      roomName: offer['roomName'],
      publisherId: offer['publisherId'],
      purpose: offer['purpose'],
      answer: connection.localDescription?.sdp ?? '',
    });
  }

  #receiver(key: string): RTCPeerConnection {
    const connection = new RTCPeerConnection();
    connection.ontrack = ({ track }) => play(track);
    connection.ondatachannel = ({ channel }) => this.talk.add(channel);
    this.#subscriptions.set(key, connection);
    return connection;
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

function connectionKey(of: Readonly<Record<string, unknown>>): string {
  return typeof of['connection'] === 'string'
    ? `connection ${of['connection']}`
    : `${String(of['publisherId'])} ${String(of['purpose'])}`;
}

function matches(frame: Frame, type: string, fields: Record<string, unknown>): boolean {
  return (
    frame.type === type && Object.entries(fields).every(([name, value]) => frame[name] === value)
  );
}

declare global {
  interface Window {
    DialectClient: typeof DialectClient;
    /** The one of this page, once it has connected. */
    client: DialectClient;
  }
}

window.DialectClient = DialectClient;
