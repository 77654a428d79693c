import {
  Resource,
  SluiceError,
  hasCode,
  type Clock,
  type Random,
  type ResourceEvents,
  type StreamName,
  type Timer,
} from '@sluice/core';
import type { Camera, Cameras } from './camera.js';
import { Feed } from './feed.js';
import { IngestFailure, type IngestFailureKind } from './ingest-failure.js';
import { retryDelayMs } from '../retry-delay.js';
import type { Session } from '../sessions/session.js';
import type { StreamCopies } from '../streams/stream-copies.js';

/** What is pulled, and for which stream. */
export interface IngestOrder {
  readonly ingestId: string;
  readonly stream: StreamName;
  readonly username: string;
  /** With its credentials: only here in clear. */
  readonly url: string;
  readonly onDemand: boolean;
}

export interface IngestEnvironment {
  readonly cameras: Cameras;
  readonly copies: StreamCopies;
  readonly clock: Clock;
  readonly random: Random;
  readonly report: (error: unknown) => void;
}

export type IngestStatus = 'connecting' | 'running' | 'resting' | 'failed';

export interface IngestCondition {
  readonly status: IngestStatus;
  /** Why it failed, or what is wrong though it runs; empty when all is well. */
  readonly reason: string;
  readonly bitrateBps: number;
}

export interface IngestEvents extends ResourceEvents {
  /** Its condition is another one, or its bitrate is by much. */
  changed: [];
}

/** From the start of a camera to its first packets; a keyframe may be seconds away. */
const FIRST_PACKET_MS = 15_000;
/** How long nobody has watched when a camera that is pulled on demand is let go. */
const UNWATCHED_MS = 10_000;
const METER_INTERVAL_MS = 2_000;
const BITRATE_CHANGE = 0.1;
/** One that has run so long begins again as if it had never failed. */
const STEADY_MS = 10_000;
/** About a second. */
const OTHER_FAILURE = 3;
const B_FRAMES =
  'it sends B-frames, which browsers show jerkily or not at all: turn them off in the camera';

/** Why one pull is over: the camera failed, nobody watches any more, or it is not wanted any more. */
type Outcome = IngestFailure | 'rested' | 'closed';

/**
 * Pulls one camera for as long as it lives: connects, publishes what comes as its session's stream,
 * and begins again when the camera is lost, ever later. It ends with its session.
 */
export class Ingest extends Resource<IngestEvents> {
  #condition: IngestCondition = { status: 'connecting', reason: '', bitrateBps: 0 };
  #failures = 0;
  #lastFailure: IngestFailureKind | undefined;
  #feed: Feed | undefined;
  #wake: (() => void) | undefined;
  #pause: Timer | undefined;

  constructor(
    readonly order: IngestOrder,
    readonly session: Session,
    private readonly environment: IngestEnvironment,
  ) {
    super();
    // Attached, so that the session neither ends nor lets its stream go to another one.
    session.attach(() => undefined);
    session.onClosed((reason) => this.close(reason));
    this.#run().catch((error: unknown) => {
      environment.report(error);
      this.close('failed');
    });
  }

  get condition(): IngestCondition {
    return this.#condition;
  }

  protected override release(reason: string): void {
    this.#pause?.cancel();
    // The session hands over what it may; what was not published is only ours.
    this.session.close(reason);
    if (this.#feed && !this.#feed.flowing) this.#feed.close(reason);
    this.#wake?.();
  }

  async #run(): Promise<void> {
    while (!this.closed) {
      this.#become('connecting', this.#condition.reason);
      const outcome = await this.#pull();
      if (outcome === 'closed' || this.#isOver()) return;
      if (outcome === 'rested') continue;
      this.#become('failed', outcome.message);
      this.#count(outcome);
      await this.#sleep(retryDelayMs(this.#failures, this.environment.random));
    }
  }

  /** What fails otherwise than before has got on: it is not made to wait as what stands still. */
  #count({ kind }: IngestFailure): void {
    const countedMax = kind === this.#lastFailure ? Number.POSITIVE_INFINITY : OTHER_FAILURE;
    this.#failures = Math.min(this.#failures + 1, countedMax);
    this.#lastFailure = kind;
  }

  /** One connection to the camera, from its beginning to its end. */
  async #pull(): Promise<Outcome> {
    const { cameras, clock } = this.environment;
    let feed: Feed | undefined;
    try {
      const camera = await cameras.open(this.order.url);
      if (this.#isOver()) {
        camera.close();
        return 'closed';
      }
      feed = await Feed.open(this.session.home, camera, this.environment);
      this.#feed = feed;
      if (this.#isOver()) {
        feed.close();
        return 'closed';
      }
      await feed.start();
      await this.#flowing(feed, camera);
      await this.session.feed(this.order.stream.purpose, feed);
      const startedAtMs = clock.nowMs();
      const outcome = await this.#watch(feed, camera);
      if (clock.nowMs() - startedAtMs >= STEADY_MS) this.#failures = 0;
      return outcome;
    } catch (error) {
      feed?.close();
      return this.#failureOf(error);
    }
  }

  #flowing(feed: Feed, camera: Camera): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = () => reject(camera.failure ?? new IngestFailure('lost'));
      const timer = this.environment.clock.after(FIRST_PACKET_MS, () => {
        reject(new IngestFailure('silent'));
      });
      feed.onClosed(() => {
        timer.cancel();
        fail();
      });
      feed.on('flowing', () => {
        timer.cancel();
        resolve();
      });
      if (feed.flowing) resolve();
    });
  }

  /** While it runs: until the camera is lost, or nobody watches what is pulled on demand. */
  async #watch(feed: Feed, camera: Camera): Promise<Outcome> {
    const meter = this.#meter(camera);
    try {
      const outcome = await this.#untilOver(feed, camera);
      if (outcome !== 'rested') return outcome;
    } finally {
      meter.cancel();
    }
    feed.rest();
    this.#become('resting', '');
    return this.#untilWanted(feed);
  }

  #untilOver(feed: Feed, camera: Camera): Promise<Outcome> {
    const { clock } = this.environment;
    return new Promise((resolve) => {
      feed.onClosed(() => {
        rest?.cancel();
        resolve(this.#isOver() ? 'closed' : (camera.failure ?? new IngestFailure('unavailable')));
      });
      let rest: Timer | undefined;
      if (!this.order.onDemand || feed.closed) return;
      const weigh = () => {
        const copy = this.#copy();
        if (copy?.wanted) rest?.cancel();
        rest = copy?.wanted
          ? undefined
          : (rest ?? clock.after(UNWATCHED_MS, () => resolve('rested')));
      };
      this.#copy()?.on('wantedChanged', weigh);
      feed.onClosed(() => this.#copy()?.off('wantedChanged', weigh));
      weigh();
    });
  }

  #untilWanted(feed: Feed): Promise<Outcome> {
    const copy = this.#copy();
    if (!copy || feed.closed) return Promise.resolve(new IngestFailure('unavailable'));
    if (copy.wanted) return Promise.resolve('rested');
    return new Promise((resolve) => {
      const wake = (wanted: boolean) => {
        if (wanted) resolve('rested');
      };
      copy.on('wantedChanged', wake);
      feed.onClosed(() => {
        copy.off('wantedChanged', wake);
        resolve(this.#isOver() ? 'closed' : new IngestFailure('unavailable'));
      });
    });
  }

  #copy() {
    return this.environment.copies.find(this.session.home.routerId, this.order.stream);
  }

  #meter(camera: Camera): Timer {
    const { clock } = this.environment;
    let [bytes, atMs] = [camera.receivedBytes, clock.nowMs()];
    this.#become('running', '');
    return clock.every(METER_INTERVAL_MS, () => {
      const nowMs = clock.nowMs();
      const bitrateBps = ((camera.receivedBytes - bytes) * 8_000) / Math.max(1, nowMs - atMs);
      [bytes, atMs] = [camera.receivedBytes, nowMs];
      this.#become('running', camera.reordersFrames ? B_FRAMES : '', Math.round(bitrateBps));
    });
  }

  #become(status: IngestStatus, reason: string, bitrateBps = 0): void {
    const before = this.#condition;
    const step = Math.abs(bitrateBps - before.bitrateBps);
    const same = before.status === status && before.reason === reason;
    if (this.closed || (same && step <= before.bitrateBps * BITRATE_CHANGE)) return;
    this.#condition = { status, reason, bitrateBps };
    this.emit('changed');
  }

  #failureOf(error: unknown): Outcome {
    if (this.#isOver()) return 'closed';
    if (error instanceof IngestFailure) return error;
    if (hasCode(error, 'ALREADY_EXISTS')) return new IngestFailure('nameInUse');
    if (!(error instanceof SluiceError)) this.environment.report(error);
    return new IngestFailure('unavailable', { cause: error });
  }

  /** Asked anew: what was so before an await need not be so after it. */
  #isOver(): boolean {
    return this.closed;
  }

  #sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#pause = this.environment.clock.after(delayMs, resolve);
    });
  }
}
