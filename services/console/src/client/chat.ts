import { connected, guard } from './connection-guard.js';
import { Emitter } from './emitter.js';
import { sessionIdOf } from './sdp.js';
import { Serial } from './serial.js';
import { streamKey, type StreamKey } from './stream-key.js';
import type { SubscribingPort } from './subscriber.js';
import type { Publisher, PublisherName, ServerMessageOf, SubscribeOffer } from './wire.js';

/** The purpose under which lines are published, each on the data channel of its participant. */
export const CHAT = 'chat';

/** A line that somebody wrote. */
export interface ChatLine {
  readonly id: string;
  readonly participantId: string;
  readonly username: string;
  readonly text: string;
}

interface ChatEvents {
  line: [line: ChatLine];
}

/** Where one data channel leads, once the server has said so, and what came on it before. */
interface Source {
  key: StreamKey | undefined;
  readonly early: string[];
}

const RETRY_MS = 3_000;
const HANDOVER_MS = 10_000;
/** By two PeerConnections a line may come twice. */
const REMEMBERED = 500;
const LINE_MAX_CHARACTERS = 2_000;

/** What others write, received on one PeerConnection of data channels. */
export class Chat extends Emitter<ChatEvents> {
  readonly #publishers = new Map<StreamKey, Publisher>();
  readonly #seen = new Set<string>();
  readonly #serial = new Serial();
  #connection: RTCPeerConnection | undefined;
  #sessionId: string | undefined;
  #sources = new Map<number, Source>();
  #unguard: (() => void) | undefined;
  #generation = 0;

  constructor(private readonly port: SubscribingPort) {
    super();
  }

  get publishers(): readonly Publisher[] {
    return [...this.#publishers.values()];
  }

  /** Whether a message of the server is about its PeerConnection. */
  owns({ connection }: { readonly connection?: string | undefined }): boolean {
    return connection === this.#connectionName;
  }

  add(publisher: Publisher): void {
    const key = keyOf(publisher);
    const known = this.#publishers.has(key);
    this.#publishers.set(key, publisher);
    if (!known) this.#subscribe(key);
  }

  remove(publisher: PublisherName): void {
    this.#publishers.delete(keyOf(publisher));
  }

  reconcile(publishers: readonly Publisher[]): void {
    const listed = new Set(publishers.map(keyOf));
    for (const key of this.#publishers.keys()) if (!listed.has(key)) this.#publishers.delete(key);
    for (const publisher of publishers) this.add(publisher);
  }

  /** Subscribes to all of it again, on a new PeerConnection. */
  renew(publishers: readonly Publisher[]): void {
    this.#generation += 1;
    this.#publishers.clear();
    for (const publisher of publishers) this.add(publisher);
  }

  handleOffer(offer: SubscribeOffer): Promise<void> {
    return this.#serial.run(async () => {
      if (!this.owns(offer)) return;
      const connection = this.#connectionFor(sessionIdOf(offer.offer));
      await connection.setRemoteDescription({ type: 'offer', sdp: offer.offer });
      await connection.setLocalDescription(await connection.createAnswer());
      const { publisherId, purpose } = offer;
      await this.port.answer({ publisherId, purpose }, connection.localDescription?.sdp ?? '');
    });
  }

  /** Says whose lines come on one of its data channels. */
  nameChannel(message: ServerMessageOf<'data-channel'>): void {
    if (!this.owns(message)) return;
    const source = this.#sourceOf(this.#sources, message.streamId);
    source.key = keyOf(message);
    for (const text of source.early.splice(0)) this.#read(source, text);
  }

  close(): void {
    this.#unguard?.();
    this.#connection?.close();
    this.#connection = undefined;
    this.#publishers.clear();
  }

  get #connectionName(): string {
    return `chat-${this.#generation}`;
  }

  #subscribe(key: StreamKey): void {
    const publisher = this.#publishers.get(key);
    if (!publisher) return;
    const { publisherId, purpose } = publisher;
    this.port.subscribe({ publisherId, purpose }, this.#connectionName).catch(() => {
      setTimeout(() => {
        if (this.#publishers.get(key) === publisher) this.#subscribe(key);
      }, RETRY_MS);
    });
  }

  #connectionFor(sessionId: string | undefined): RTCPeerConnection {
    if (this.#connection && this.#sessionId === sessionId) return this.#connection;
    const former = this.#connection;
    this.#unguard?.();
    const connection = new RTCPeerConnection(this.port.configuration);
    const sources = new Map<number, Source>();
    connection.ondatachannel = ({ channel }) => {
      if (channel.id === null) return;
      const source = this.#sourceOf(sources, channel.id);
      channel.onmessage = ({ data }: MessageEvent<unknown>) => {
        if (typeof data === 'string') this.#read(source, data);
      };
    };
    const again = () => {
      this.renew(this.publishers);
      return Promise.resolve();
    };
    this.#unguard = guard(connection, { restartIce: again, replace: again });
    void connected(connection, HANDOVER_MS).then(() => former?.close());
    this.#connection = connection;
    this.#sessionId = sessionId;
    this.#sources = sources;
    return connection;
  }

  /** A later channel of the same id is another one's, which the server says first or soon. */
  #sourceOf(sources: Map<number, Source>, id: number): Source {
    const source = sources.get(id) ?? { key: undefined, early: [] };
    sources.set(id, source);
    return source;
  }

  #read(source: Source, data: string): void {
    if (source.key === undefined) {
      source.early.push(data);
      return;
    }
    const publisher = this.#publishers.get(source.key);
    const line = parseLine(data);
    if (!publisher || !line || this.#seen.has(line.id)) return;
    this.#seen.add(line.id);
    const [oldest] = this.#seen;
    if (this.#seen.size > REMEMBERED && oldest !== undefined) this.#seen.delete(oldest);
    const { publisherId, username } = publisher;
    this.emit('line', { ...line, participantId: String(publisherId), username });
  }
}

/** A line as it goes over the channel. */
export function writeLine({ id, text }: Pick<ChatLine, 'id' | 'text'>): string {
  return JSON.stringify({ id, text: text.slice(0, LINE_MAX_CHARACTERS) });
}

/** Undefined for what is no line: others may send anything. */
export function parseLine(data: string): Pick<ChatLine, 'id' | 'text'> | undefined {
  try {
    const line: unknown = JSON.parse(data);
    if (typeof line !== 'object' || line === null) return undefined;
    const { id, text } = line as { readonly id?: unknown; readonly text?: unknown };
    if (typeof id !== 'string' || typeof text !== 'string') return undefined;
    return { id, text: text.slice(0, LINE_MAX_CHARACTERS) };
  } catch {
    return undefined;
  }
}

function keyOf({ publisherId, purpose }: PublisherName): StreamKey {
  return streamKey(publisherId, purpose);
}
