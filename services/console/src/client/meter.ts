import { Emitter } from './emitter.js';
import { DEADLINE_EXCEEDED, codeOf } from './errors.js';
import type { Link } from './link.js';
import type { Publication } from './publication.js';
import { flowBetween, roundTripMs, sentCounters, type Counters } from './stats.js';
import { streamKey, type StreamKey } from './stream-key.js';
import type { Reception, Subscriber } from './subscriber.js';
import type { ServerMessageOf, WireSubscriptionStats } from './wire.js';

export interface StreamReading extends Reception {
  /** Node ids from the one that the publisher sends to, to ours; empty while unknown. */
  readonly path: readonly string[];
  /** What the server sends now. */
  readonly spatial: number | undefined;
  readonly temporal: number | undefined;
}

export interface RoomReading {
  /** The node that this client's media goes to; undefined while unknown. */
  readonly node: string | undefined;
  readonly received: ReadonlyMap<StreamKey, StreamReading>;
  /** By purpose. */
  readonly sent: ReadonlyMap<string, Reception>;
}

interface Measured {
  readonly room: string;
  readonly link: Link;
  readonly subscriber: Subscriber;
  readonly publications: () => readonly Publication[];
}

const EVERY_MS = 1_000;
/** A socket that has not answered for this long is dead, whatever it says of itself. */
const ANSWER_MS = 6_000;

/** Reads once a second what flows, from the browser and from the node. */
export class Meter extends Emitter<{ measured: [reading: RoomReading] }> {
  readonly #sentBefore = new Map<string, Counters>();
  #node: string | undefined;
  #fromNode: ReadonlyMap<StreamKey, WireSubscriptionStats> = new Map();
  #timer: ReturnType<typeof setInterval> | undefined;
  #asking = false;

  constructor(private readonly measured: Measured) {
    super();
  }

  start(): void {
    this.#timer ??= setInterval(() => {
      void this.#askNode();
      void this.#read();
    }, EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #askNode(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    const { link, room: roomName } = this.measured;
    try {
      const stats = await link.request({ type: 'get-stats', roomName }, ['stats'], ANSWER_MS);
      this.#node = stats.node;
      this.#fromNode = byStream(stats);
    } catch (error) {
      // An error is an answer too: only silence tells that nobody is there.
      if (codeOf(error) === DEADLINE_EXCEEDED) link.suspect();
    } finally {
      this.#asking = false;
    }
  }

  async #read(): Promise<void> {
    const received = await this.measured.subscriber.measure();
    const sent = await this.#readSent();
    if (this.#timer === undefined) return;
    const withPaths = [...received].map(([key, reception]) => {
      const subscription = this.#fromNode.get(key);
      const video = subscription?.tracks.find(({ kind }) => kind === 'video');
      const { spatial, temporal } = video ?? {};
      return [key, { ...reception, path: subscription?.path ?? [], spatial, temporal }] as const;
    });
    this.emit('measured', { node: this.#node, received: new Map(withPaths), sent });
  }

  async #readSent(): Promise<ReadonlyMap<string, Reception>> {
    const sent = new Map<string, Reception>();
    for (const { purpose, connection } of this.measured.publications()) {
      if (!connection) continue;
      const report: ReadonlyMap<string, unknown> = await connection.getStats();
      const counters = sentCounters(report);
      const flow = flowBetween(this.#sentBefore.get(purpose), counters);
      this.#sentBefore.set(purpose, counters);
      sent.set(purpose, { flow, roundTripMs: roundTripMs(report) });
    }
    return sent;
  }
}

function byStream({
  subscriptions,
}: ServerMessageOf<'stats'>): ReadonlyMap<StreamKey, WireSubscriptionStats> {
  return new Map(subscriptions.map((one) => [streamKey(one.publisherId, one.purpose), one]));
}
