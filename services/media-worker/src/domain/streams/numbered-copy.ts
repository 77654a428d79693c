import { UnsupportedError } from 'mediasoup/errors';
import type { Consumer, Producer } from 'mediasoup/types';
import { Resource, SluiceError, type Clock, type CloseReason, type Timer } from '@sluice/core';
import type { Numbering } from '@sluice/sdp';
import { consumeForPipe } from '../pipes/relay-consumer.js';
import { endConsumer } from '../end-consumer.js';
import { RELAY_REASONS } from './relay-reasons.js';
import type { RouterLoop } from '../pipes/router-loop.js';
import { numberedAs } from '../routers/router-numbers.js';
import { StreamCopy, type CopyTrack } from './stream-copy.js';

export interface NumberedCopyOptions {
  readonly source: StreamCopy;
  readonly numbering: Numbering;
  readonly loop: RouterLoop;
  readonly clock: Clock;
  /** How long a copy that nobody watches stays. */
  readonly lingerMs: number;
  readonly report: (error: unknown) => void;
}

/** Several viewers who come at once need one keyframe. */
const KEY_FRAME_REQUEST_DELAY_MS = 200;
/** How long what was replaced still feeds those who watch. */
const SWITCH_OVER_MS = 3_000;

interface NumberedTrack {
  /** In the numbers of the router. */
  readonly original: Producer;
  readonly consumer: Consumer;
  /** In the numbers of a client. */
  readonly producer: Producer;
}

/**
 * A stream on its router once more, in the payload types of clients that numbered them themselves. It
 * follows the copy that it is made of by comparing what is with what should be, one pass at a time.
 */
export class NumberedCopy extends Resource {
  readonly copy: StreamCopy;
  readonly #tracks = new Map<string, NumberedTrack>();
  /** Of a codec that these clients do not know. */
  readonly #unfit = new WeakSet<Producer>();
  readonly #follow = () => this.#changed();
  readonly #onSourceClosed = (reason: CloseReason) => this.#onSourceGone(reason);
  readonly #timers = new Set<Timer>();
  #linger: Timer | undefined;
  #passing = false;
  #again = true;

  private constructor(private readonly options: NumberedCopyOptions) {
    super();
    const { source, loop } = options;
    this.copy = new StreamCopy(source.name, source.epoch, loop.router, source.path);
    loop.use(this);
    loop.onClosed((reason) => this.close(reason));
    source.watch(this, false);
    source.on('tracksChanged', this.#follow);
    source.on('pausedChanged', this.#follow);
    source.on('sourceChanged', this.#follow);
    source.on('closed', this.#onSourceClosed);
    this.copy.on('wantedChanged', (wanted) => {
      source.watch(this, wanted);
      this.#changed();
    });
    this.copy.on('watchedChanged', (watched) => {
      if (watched) this.#linger?.cancel();
      else this.#startLinger();
    });
    this.#startLinger();
  }

  /** With all tracks that the numbering has a number for. */
  static async open(options: NumberedCopyOptions): Promise<NumberedCopy> {
    if (options.source.closed || options.loop.closed) throw lost();
    const numbered = new NumberedCopy(options);
    try {
      numbered.#passing = true;
      await numbered.#passes();
    } catch (error) {
      numbered.close('failed');
      throw error;
    }
    if (numbered.closed) throw lost();
    return numbered;
  }

  /** Somebody is about to watch: the linger starts anew. */
  touch(): void {
    if (!this.copy.watched) this.#startLinger();
  }

  protected override release(reason: CloseReason): void {
    const { source, loop } = this.options;
    this.#linger?.cancel();
    for (const timer of this.#timers) timer.cancel();
    this.#leaveSource(source);
    // First, with its reason: producers that close one by one look like removed tracks.
    this.copy.close(reason);
    for (const track of this.#tracks.values()) endTrack(track);
    loop.drop(this);
  }

  #leaveSource(source: StreamCopy): void {
    source.off('tracksChanged', this.#follow);
    source.off('pausedChanged', this.#follow);
    source.off('sourceChanged', this.#follow);
    source.off('closed', this.#onSourceClosed);
    source.unwatch(this);
  }

  /** A stream that moved feeds those who watch until they have it from elsewhere. */
  #onSourceGone(reason: CloseReason): void {
    if (reason !== RELAY_REASONS.moved) {
      this.close(reason);
      return;
    }
    this.#linger?.cancel();
    this.#leaveSource(this.options.source);
    this.copy.close(reason);
    this.#later(SWITCH_OVER_MS * 2, () => this.close(reason));
  }

  #changed(): void {
    if (this.closed || this.copy.closed) return;
    this.#again = true;
    if (this.#passing) return;
    this.#passing = true;
    this.#passes().catch((error: unknown) => {
      if (!this.closed) this.options.report(error);
      this.close(RELAY_REASONS.relayLost);
    });
  }

  async #passes(): Promise<void> {
    try {
      while (this.#again && !this.closed && !this.copy.closed) {
        this.#again = false;
        await this.#pass();
      }
    } finally {
      this.#passing = false;
    }
  }

  async #pass(): Promise<void> {
    const { source } = this.options;
    this.copy.changeSource(source.epoch, source.path);
    for (const [trackId, track] of this.#tracks) {
      if (source.tracks.has(trackId)) continue;
      this.#tracks.delete(trackId);
      this.copy.removeTrack(trackId, track.producer.id);
      endTrack(track);
    }
    await Promise.all([...source.tracks.values()].map((track) => this.#renumber(track)));
    await Promise.all([...this.#tracks.values()].map((track) => this.#applyPause(track)));
  }

  async #renumber({ trackId, producer: original }: CopyTrack): Promise<void> {
    const before = this.#tracks.get(trackId);
    // A closed one is an edge's that has lost its parent: its successor follows.
    if (before?.original === original || original.closed || this.#unfit.has(original)) return;
    const track = await this.#make(original);
    if (!track) return;
    if (this.closed || this.copy.closed) {
      endTrack(track);
      return;
    }
    this.#tracks.set(trackId, track);
    this.copy.keepTrack({ trackId, producer: track.producer });
    if (before) this.#later(SWITCH_OVER_MS, () => endTrack(before));
  }

  /** Undefined for a track that these clients cannot decode, and one that has just ended. */
  async #make(original: Producer): Promise<NumberedTrack | undefined> {
    const { loop, numbering } = this.options;
    const { router } = loop;
    try {
      const consumer = await consumeForPipe(
        loop.outbound,
        original,
        () => router.router.rtpCapabilities,
      );
      try {
        const { kind, rtpParameters } = consumer;
        const { paused } = original;
        const keyFrameRequestDelay = KEY_FRAME_REQUEST_DELAY_MS;
        const options = { kind, rtpParameters, paused, keyFrameRequestDelay };
        const producer = await numberedAs(router, numbering.mediaCodecs, () =>
          loop.inbound.produce(options),
        );
        return { original, consumer, producer };
      } catch (error) {
        endConsumer(consumer, original);
        throw error;
      }
    } catch (error) {
      if (error instanceof UnsupportedError) {
        this.#unfit.add(original);
        return undefined;
      }
      if (original.closed || this.closed) return undefined;
      throw error;
    }
  }

  async #applyPause({ original, consumer, producer }: NumberedTrack): Promise<void> {
    const idle = !this.copy.wanted;
    try {
      if (!producer.closed && !original.closed && producer.paused !== original.paused) {
        await (original.paused ? producer.pause() : producer.resume());
      }
      // Resuming asks for a keyframe by itself.
      if (!consumer.closed && consumer.paused !== idle) {
        await (idle ? consumer.pause() : consumer.resume());
      }
    } catch (error) {
      // One whose source has ended may not have heard of it yet.
      if (![consumer, producer, original].some(isClosed)) throw error;
    }
  }

  #startLinger(): void {
    this.#linger?.cancel();
    if (this.closed || this.copy.closed) return;
    const { clock, lingerMs } = this.options;
    this.#linger = clock.after(lingerMs, () => this.close(RELAY_REASONS.unwatched));
  }

  #later(delayMs: number, task: () => void): void {
    const timer = this.options.clock.after(delayMs, () => {
      this.#timers.delete(timer);
      task();
    });
    this.#timers.add(timer);
  }
}

function endTrack({ original, consumer, producer }: NumberedTrack): void {
  endConsumer(consumer, original);
  producer.close();
}

// A function, because the compiler takes what it saw before an await for still true.
function isClosed(resource: { readonly closed: boolean }): boolean {
  return resource.closed;
}

function lost(): SluiceError {
  return new SluiceError('UNAVAILABLE', 'the stream cannot be had now');
}
