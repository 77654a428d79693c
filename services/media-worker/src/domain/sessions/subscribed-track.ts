import type { Consumer } from 'mediasoup/types';
import type { Clock } from '@sluice/core';
import type { Mid } from '@sluice/sdp';
import type { Carrier } from './carrier.js';
import { ShownLayers } from './shown-layers.js';
import { endConsumer } from '../end-consumer.js';
import type { CopyTrack } from '../streams/stream-copy.js';

/** What an m-line carries. */
export interface Feed {
  readonly mid: Mid;
  /** As the SDP names it. */
  readonly trackName: string;
  readonly track: CopyTrack;
  readonly consumer: Consumer;
}

export interface SubscribedTrackOptions {
  readonly carrier: Carrier;
  readonly clock: Clock;
  /** What the client had beside it has ended, and it is to be told. */
  readonly onFreed: () => void;
  /** Packets of it flow from now on. */
  readonly onFlowing: (consumer: Consumer) => void;
}

/** How long what was replaced still flows after the first picture of its successor: it has to arrive. */
const OVERLAP_MS = 500;
/** Above that of all other consumers. */
const FIRST_PRIORITY = 10;

/** One track as a client receives it, and what of it the client has until this one shows. */
export class SubscribedTrack implements Feed {
  readonly mid: Mid;
  readonly trackName: string;
  readonly track: CopyTrack;
  readonly consumer: Consumer;
  readonly layers: ShownLayers;
  /**
   * What the client had before: on the same m-line until it has accepted `consumer` in its place, on
   * one of its own until `consumer` has a picture.
   */
  #predecessor: Feed | undefined;
  /** The client was offered it; an answer to an older offer says nothing of it. */
  #offered = false;
  #accepted = false;
  #resumed = false;

  constructor(
    { mid, trackName, track, consumer }: Feed,
    before: SubscribedTrack | undefined,
    private readonly options: SubscribedTrackOptions,
  ) {
    this.mid = mid;
    this.trackName = trackName;
    this.track = track;
    this.consumer = consumer;
    this.layers = new ShownLayers({
      consumer,
      probes: options.carrier.connection.probes,
      clock: options.clock,
      flows: () => this.#resumed,
    });
    const predecessor = before && before.#succeeded();
    this.#predecessor = predecessor;
    if (predecessor?.consumer.closed) this.#retire();
    else predecessor?.consumer.observer.once('close', () => this.#retire());
  }

  get offered(): boolean {
    return this.#offered;
  }

  get accepted(): boolean {
    return this.#accepted;
  }

  get flowing(): boolean {
    return this.#resumed && !this.consumer.closed;
  }

  /** Whether the client still gets packets of it, or of what it replaces. */
  get feeding(): boolean {
    return this.flowing || this.#predecessor?.consumer.closed === false;
  }

  /** Whether what it replaces is on another m-line. */
  get beside(): boolean {
    return this.#predecessor !== undefined && this.#predecessor.mid !== this.mid;
  }

  /** An offer that has it is on its way. */
  offer(): void {
    this.#offered = true;
  }

  /** The client has taken it; {@link apply} follows. */
  accept(): void {
    if (this.#accepted) return;
    this.#accepted = true;
    const { negotiation } = this.options.carrier.connection;
    if (!negotiation.takesSpatialLayers(this.mid)) this.layers.keepLowest();
    if (this.beside) void this.#retireOnceShown();
    else this.#retire();
  }

  /** Resumes or pauses it as it should be; resuming video asks for a keyframe. */
  async apply(wanted: boolean): Promise<void> {
    const { carrier, onFlowing } = this.options;
    if (!wanted && this.#accepted) this.#retire();
    const due = this.#accepted || this.#isSeamless();
    const flowing = due && carrier.connected && wanted;
    if (flowing === this.#resumed || this.consumer.closed) return;
    this.#resumed = flowing;
    if (flowing) onFlowing(this.consumer);
    try {
      await (flowing ? this.consumer.resume() : this.consumer.pause());
    } catch {
      // It closed meanwhile, by its producer's end or its transport's, or its worker died.
    }
  }

  /** With what it replaces. */
  end(): void {
    this.options.carrier.stop(this.mid);
    endFeed(this);
    this.#retire();
  }

  /** Another one takes its place, and gets what the client sees until then; the rest ends. */
  #succeeded(): Feed | undefined {
    if (this.#accepted && !this.beside) return this;
    const predecessor = this.#predecessor;
    this.#predecessor = undefined;
    endFeed(this);
    return predecessor;
  }

  /**
   * Sound that replaces other sound flows from its offer on: a browser drops the old source when it
   * applies the offer, some time before its answer is here, and from then on has to have the new one.
   * Until then it mixes the two, which are the same. A picture would have to begin anew anyway.
   */
  #isSeamless(): boolean {
    return (
      this.#offered &&
      this.consumer.kind === 'audio' &&
      this.#predecessor?.consumer.closed === false
    );
  }

  /** Ends what it has replaced. */
  #retire(): void {
    const predecessor = this.#predecessor;
    if (!predecessor) return;
    const { beside } = this;
    this.#predecessor = undefined;
    endFeed(predecessor);
    if (!beside) return;
    this.options.carrier.stop(predecessor.mid);
    this.options.onFreed();
  }

  async #retireOnceShown(): Promise<void> {
    await favour(this.consumer, true);
    await firstPicture(this.consumer);
    await favour(this.consumer, false);
    this.options.clock.after(OVERLAP_MS, () => this.#retire());
  }
}

function endFeed({ consumer, track }: Feed): void {
  endConsumer(consumer, track.producer);
}

/** Before its first picture, where there is room for one of two, it is the new one's. */
async function favour(consumer: Consumer, first: boolean): Promise<void> {
  if (consumer.closed) return;
  try {
    await (first ? consumer.setPriority(FIRST_PRIORITY) : consumer.unsetPriority());
  } catch {
    // It closed meanwhile.
  }
}

/** Resolves when a consumer has sent a picture that needs no other one, or closes. */
async function firstPicture(consumer: Consumer): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  consumer.once('trace', () => resolve(undefined));
  consumer.observer.once('close', () => resolve(undefined));
  try {
    await consumer.enableTraceEvent(['keyframe']);
    await promise;
    if (!consumer.closed) await consumer.enableTraceEvent([]);
  } catch {
    // It closed meanwhile.
  }
}
