import { delayMs } from './backoff.js';
import { connected, guard } from './connection-guard.js';
import { Emitter } from './emitter.js';
import { CONNECTION_LOST, codeOf, messageOf } from './errors.js';
import { Receiving } from './receiving.js';
import { RemoteStream } from './remote-stream.js';
import { sessionIdOf } from './sdp.js';
import { Serial } from './serial.js';
import { streamKey, type StreamKey } from './stream-key.js';
import {
  flowBetween,
  following,
  receivedCounters,
  roundTripMs,
  type Counters,
  type Flow,
} from './stats.js';
import { Takeover } from './takeover.js';
import type { Layers, Publisher, PublisherName, SubscribeOffer } from './wire.js';

/** What a subscriber needs of the room: to say something to the server. */
export interface SubscribingPort {
  readonly configuration: RTCConfiguration;
  /** The id of the MediaStream under which the server offers this stream. */
  streamIdOf(name: PublisherName): string;
  /** Asks for a stream; the offer comes by `handleOffer`. */
  subscribe(name: PublisherName, connection: string): Promise<void>;
  answer(name: PublisherName, sdp: string): Promise<void>;
  unsubscribe(name: PublisherName): void;
  setLayers(name: PublisherName, layers: Layers): void;
  restartIce(name: PublisherName): void;
}

interface SubscriberEvents {
  /** Streams came, went, or have other tracks. */
  changed: [];
  /** The token does not allow to receive it. */
  refused: [stream: RemoteStream, message: string];
}

export interface Reception {
  readonly flow: Flow;
  readonly roundTripMs: number | undefined;
}

const AGAIN = { firstMs: 300, longestMs: 30_000 };
/** How long the PeerConnection that is being replaced may stay while the new one connects. */
const HANDOVER_MS = 10_000;

/** All streams of others that this client wants, received on one PeerConnection. */
export class Subscriber extends Emitter<SubscriberEvents> {
  readonly #streams = new Map<StreamKey, RemoteStream>();
  readonly #counters = new Map<StreamKey, Counters>();
  readonly #serial = new Serial();
  #current: Receiving | undefined;
  #former: Receiving | undefined;
  #takeover: Takeover | undefined;
  #unguard: (() => void) | undefined;
  #generation = 0;

  constructor(private readonly port: SubscribingPort) {
    super();
  }

  get streams(): readonly RemoteStream[] {
    return [...this.#streams.values()];
  }

  get connection(): RTCPeerConnection | undefined {
    return this.#current?.connection;
  }

  /** Whether every stream comes over the one PeerConnection that is left. */
  get settled(): boolean {
    return !this.#former && this.streams.every(({ key }) => this.#current?.has(key) === true);
  }

  find(key: StreamKey): RemoteStream | undefined {
    return this.#streams.get(key);
  }

  /** Subscribes to what somebody publishes. Idempotent. */
  add(publisher: Publisher): void {
    const stream = new RemoteStream(publisher);
    if (this.#streams.has(stream.key)) return;
    this.#streams.set(stream.key, stream);
    this.emit('changed');
    this.#subscribe(stream);
  }

  /** Asks again for a stream that the server could not go on sending, ever less often. */
  again(publisher: PublisherName): void {
    const stream = this.#streams.get(keyOf(publisher));
    if (!stream || stream.retry !== undefined) return;
    const waitMs = delayMs(stream.interruptions++, AGAIN, Math.random);
    stream.retry = setTimeout(() => {
      stream.retry = undefined;
      if (this.#streams.get(stream.key) === stream) this.#subscribe(stream);
    }, waitMs);
  }

  /** Something changed about a stream: one that could not be had before is asked for at once. */
  refresh(publisher: Publisher): void {
    const stream = this.#streams.get(keyOf(publisher));
    if (!stream) this.add(publisher);
    else if (stream.retry !== undefined) this.#subscribe(stream);
  }

  /** Forgets a stream whose publisher is gone. Idempotent. */
  remove(publisher: PublisherName): void {
    const key = keyOf(publisher);
    this.#counters.delete(key);
    if (this.#streams.delete(key)) this.emit('changed');
  }

  /** Makes the streams those of the list. */
  reconcile(publishers: readonly Publisher[]): void {
    this.#removeAllBut(publishers);
    for (const publisher of publishers) this.add(publisher);
  }

  /** Subscribes to everything again on a new PeerConnection, which takes over once it flows. */
  replace(): Promise<void> {
    for (const stream of this.streams) this.port.unsubscribe(stream.name);
    this.renew(this.streams.map(({ name, username }) => ({ ...name, username })));
    return Promise.resolve();
  }

  /** Asks again for what was lost while there was no way to ask. */
  heal(): void {
    const current = this.#current;
    if (current && current.connection.connectionState !== 'connected') void this.replace();
    else for (const stream of this.streams) if (!current?.has(stream.key)) this.#subscribe(stream);
  }

  /** As `replace`, where the server has a new session that knows of no subscription. */
  renew(publishers: readonly Publisher[]): void {
    this.#generation += 1;
    this.#removeAllBut(publishers);
    for (const stream of this.streams) this.#subscribe(stream);
    for (const publisher of publishers) this.add(publisher);
  }

  handleOffer(message: SubscribeOffer): Promise<void> {
    return this.#serial.run(async () => {
      if (message.connection !== undefined && message.connection !== this.#connectionName) return;
      const name = { publisherId: message.publisherId, purpose: message.purpose };
      const receiving = this.#receivingFor(sessionIdOf(message.offer));
      const expected = this.streams.map((stream) => ({
        key: stream.key,
        streamId: this.port.streamIdOf(stream.name),
      }));
      const offered = streamKey(name.publisherId, name.purpose);
      const answer = await receiving.answer(message.offer, { expected, offered });
      this.#showTracks();
      await this.port.answer(name, answer);
      const stream = this.#streams.get(offered);
      if (!stream) return;
      stream.interruptions = 0;
      this.#askLayers(stream);
    });
  }

  /** Asks for the layers that suit each stream's chosen quality and size. */
  updateLayers(
    key: StreamKey,
    change: Partial<Pick<RemoteStream, 'quality' | 'shownWidthPx'>>,
  ): void {
    const stream = this.#streams.get(key);
    if (!stream) return;
    Object.assign(stream, change);
    if (this.#current?.has(key)) this.#askLayers(stream);
  }

  /** What flows since the last call, by stream. */
  async measure(): Promise<ReadonlyMap<StreamKey, Reception>> {
    const receptions = new Map<StreamKey, Reception>();
    const current = this.#current;
    if (!current) return receptions;
    const report: ReadonlyMap<string, unknown> = await current.connection.getStats();
    const roundTrip = roundTripMs(report);
    for (const { key } of this.streams) {
      const before = this.#counters.get(key);
      const counters = following(before, receivedCounters(report, current.midsOf(key)));
      const flow = flowBetween(before, counters);
      receptions.set(key, { flow, roundTripMs: roundTrip });
      this.#counters.set(key, counters);
    }
    return receptions;
  }

  close(): void {
    this.#unguard?.();
    this.#takeover?.stop();
    this.#former?.connection.close();
    this.#current?.connection.close();
    this.#former = this.#current = undefined;
    this.#streams.clear();
    this.#counters.clear();
  }

  #removeAllBut(publishers: readonly Publisher[]): void {
    const kept = new Set(publishers.map(keyOf));
    for (const { key, name } of this.streams) if (!kept.has(key)) this.remove(name);
  }

  get #connectionName(): string {
    return this.#generation === 0 ? 'main' : `main-${this.#generation}`;
  }

  #subscribe(stream: RemoteStream): void {
    stream.forgetLayers();
    clearTimeout(stream.retry);
    stream.retry = undefined;
    this.port.subscribe(stream.name, this.#connectionName).catch((error: unknown) => {
      // Whoever brings the connection back asks again.
      if (codeOf(error) === CONNECTION_LOST || this.#streams.get(stream.key) !== stream) return;
      if (codeOf(error) === 'PERMISSION_DENIED') this.emit('refused', stream, messageOf(error));
      // Still listed though not to be had: its publisher is perhaps between two nodes.
      else this.again(stream.name);
    });
  }

  #askLayers(stream: RemoteStream): void {
    const layers = stream.layersToAsk();
    if (layers) this.port.setLayers(stream.name, layers);
  }

  #receivingFor(sessionId: string | undefined): Receiving {
    if (this.#current && this.#current.sessionId === sessionId) return this.#current;
    this.#succeedCurrent();
    this.#unguard?.();
    const receiving = new Receiving(this.port.configuration, sessionId, () => this.#showTracks());
    this.#current = receiving;
    if (this.#former) {
      this.#takeover = new Takeover(this.#former, receiving, () => this.#showTracks());
    }
    this.#unguard = guard(receiving.connection, {
      restartIce: () => this.#restartIce(),
      replace: () => this.replace(),
    });
    void connected(receiving.connection, HANDOVER_MS).then(() => this.#showTracks());
    setTimeout(() => this.#retireFormer(receiving), HANDOVER_MS);
    return receiving;
  }

  /** Keeps the PeerConnection that shows something, when another one comes before it was replaced. */
  #succeedCurrent(): void {
    this.#takeover?.stop();
    if (this.#former && this.#takeover?.begun === false) this.#current?.connection.close();
    else {
      this.#former?.connection.close();
      this.#former = this.#current;
    }
  }

  #retireFormer(successor: Receiving): void {
    if (this.#current !== successor || !this.#former) return;
    this.#takeover?.stop();
    this.#former.connection.close();
    this.#former = this.#takeover = undefined;
    this.#showTracks();
  }

  /** A former PeerConnection shows each of its streams until its successor has a picture of it. */
  #showTracks(): void {
    const current = this.#current;
    if (!current) return;
    const bridged = (key: StreamKey) => this.#takeover?.isReady(key) === false;
    const arrived = ({ key }: RemoteStream) => current.has(key) && !bridged(key);
    if (this.#former && this.streams.every(arrived)) {
      this.#retireFormer(current);
      return;
    }
    const changed = this.streams.filter(
      (stream) => !bridged(stream.key) && stream.setTracks(current.tracksOf(stream.key)),
    );
    if (changed.length > 0) this.emit('changed');
  }

  #restartIce(): Promise<void> {
    const stream = this.streams.find(({ key }) => this.#current?.has(key));
    if (stream) this.port.restartIce(stream.name);
    return Promise.resolve();
  }
}

function keyOf({ publisherId, purpose }: PublisherName): StreamKey {
  return streamKey(publisherId, purpose);
}
