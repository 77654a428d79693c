import type { Consumer, Producer } from 'mediasoup/types';
import type { Clock, Timer } from '@sluice/core';
import type { Pipe } from './pipe.js';

/** What crossed between this node and another one since this node met it. */
export interface PeerTraffic {
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly receivedPackets: number;
  /** Missed by this node, whether or not they were sent again. */
  readonly lostPackets: number;
  /** Those of them that came after all. */
  readonly repairedPackets: number;
  /** Of the slowest stream that is sent to it, as its last report says; undefined where none has. */
  readonly roundTripMs: number | undefined;
}

export interface PipeMeterOptions {
  readonly pipes: () => Iterable<Pipe>;
  readonly nodeId: string;
  readonly clock: Clock;
}

type Counts = { -readonly [Key in keyof PeerTraffic]: PeerTraffic[Key] };
type Countable = Exclude<keyof PeerTraffic, 'roundTripMs'>;
type Totals = Partial<Record<Countable, number>>;

const INTERVAL_MS = 5_000;
/** mediasoup objects asked in one round: more have their turn in the next. */
const ASKED_MAX = 400;
/** Nodes that are told apart; traffic with all others counts together. */
const PEERS_MAX = 64;
const OTHERS = 'other';
/** A node that no pipe leads to is forgotten after this long: its name may never come again. */
const FORGET_AFTER_MS = 600_000;

/** Counts what crosses pipes to other nodes: bytes, loss, repair and round trips, by node. */
export class PipeMeter {
  readonly #traffic = new Map<string, Counts>();
  readonly #seenAtMs = new Map<string, number>();
  readonly #last = new WeakMap<object, Totals>();
  readonly #timer: Timer;
  #next = 0;
  #measuring = false;

  constructor(private readonly options: PipeMeterOptions) {
    this.#timer = options.clock.every(INTERVAL_MS, () => void this.measure());
  }

  /** By node id, or `other`. */
  get traffic(): ReadonlyMap<string, PeerTraffic> {
    return this.#traffic;
  }

  stop(): void {
    this.#timer.cancel();
  }

  async measure(): Promise<void> {
    if (this.#measuring) return;
    this.#measuring = true;
    try {
      const tasks = this.#tasks();
      const start = this.#next % Math.max(1, tasks.length);
      const batch = [...tasks.slice(start), ...tasks.slice(0, start)].slice(0, ASKED_MAX);
      this.#next = start + batch.length;
      await Promise.all(batch.map((task) => task().catch(() => undefined)));
    } finally {
      this.#measuring = false;
    }
  }

  /** One for each transport, producer and consumer. One that closes meanwhile rejects. */
  #tasks(): (() => Promise<void>)[] {
    const tasks: (() => Promise<void>)[] = [];
    const nowMs = this.options.clock.nowMs();
    const roundTrips = new Map<string, number>();
    for (const pipe of this.options.pipes()) {
      if (pipe.far.nodeId === this.options.nodeId) continue;
      const peer = this.#peerOf(pipe.far.nodeId);
      this.#seenAtMs.set(peer, nowMs);
      tasks.push(() => this.#askTransport(peer, pipe));
      for (const producer of pipe.producers) tasks.push(() => this.#askProducer(peer, producer));
      for (const consumer of pipe.consumers) {
        tasks.push(() => this.#askConsumer(peer, consumer, roundTrips));
      }
    }
    this.#forget(nowMs);
    return tasks;
  }

  async #askTransport(peer: string, { transport }: Pipe): Promise<void> {
    const [stat] = await transport.getStats();
    if (!stat) return;
    const { bytesReceived: receivedBytes, bytesSent: sentBytes } = stat;
    this.#count(peer, transport, { receivedBytes, sentBytes });
  }

  async #askProducer(peer: string, producer: Producer): Promise<void> {
    const stats = await producer.getStats();
    const sum = (of: (stat: (typeof stats)[number]) => number) =>
      stats.reduce((all, stat) => all + of(stat), 0);
    this.#count(peer, producer, {
      receivedPackets: sum(({ packetCount }) => packetCount),
      lostPackets: sum(({ packetsLost }) => packetsLost),
      repairedPackets: sum(({ packetsRepaired }) => packetsRepaired),
    });
  }

  async #askConsumer(
    peer: string,
    consumer: Consumer,
    roundTrips: Map<string, number>,
  ): Promise<void> {
    const stats = await consumer.getStats();
    for (const { roundTripTime } of stats) {
      if (roundTripTime === undefined || roundTripTime <= 0) continue;
      const slowest = Math.max(roundTrips.get(peer) ?? 0, roundTripTime);
      roundTrips.set(peer, slowest);
      this.#of(peer).roundTripMs = slowest;
    }
  }

  /** Adds what `source` has counted since it was asked last; a count never goes back. */
  #count(peer: string, source: object, totals: Totals): void {
    const last = this.#last.get(source);
    const counts = this.#of(peer);
    for (const [key, total] of Object.entries(totals) as [Countable, number][]) {
      counts[key] += Math.max(0, total - (last?.[key] ?? 0));
    }
    this.#last.set(source, totals);
  }

  #of(peer: string): Counts {
    const known = this.#traffic.get(peer);
    if (known) return known;
    const counts: Counts = {
      receivedBytes: 0,
      sentBytes: 0,
      receivedPackets: 0,
      lostPackets: 0,
      repairedPackets: 0,
      roundTripMs: undefined,
    };
    this.#traffic.set(peer, counts);
    return counts;
  }

  #peerOf(nodeId: string): string {
    return this.#traffic.has(nodeId) || this.#traffic.size < PEERS_MAX ? nodeId : OTHERS;
  }

  #forget(nowMs: number): void {
    for (const [peer, seenAtMs] of [...this.#seenAtMs]) {
      if (nowMs - seenAtMs < FORGET_AFTER_MS) continue;
      this.#seenAtMs.delete(peer);
      this.#traffic.delete(peer);
    }
  }
}
