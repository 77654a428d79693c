import type { Consumer, Producer } from 'mediasoup/types';
import { Resource, SluiceError, type Clock, type CloseReason, type Timer } from '@sluice/core';
import { TrackKind } from '@sluice/proto-gen/common';
import type { OpenRelayResponse, RelayTrack } from '@sluice/proto-gen/media_node';
import type { Pipe } from '../pipes/pipe.js';
import { consumeForPipe } from '../pipes/relay-consumer.js';
import { endConsumer } from '../end-consumer.js';
import { RELAY_REASONS } from '../streams/relay-reasons.js';
import type { CopyTrack, StreamCopy } from '../streams/stream-copy.js';
import { RelayDataFeed } from './relay-data-feed.js';

export interface RelayFeedOptions {
  readonly copy: StreamCopy;
  /** To the router that pulls. */
  readonly pipe: Pipe;
  readonly write: (response: OpenRelayResponse) => void;
  /** Whether `copy` is the stream's origin, whose end is the stream's. */
  readonly origin: boolean;
  readonly clock: Clock;
}

/**
 * How long it still feeds a puller that was told that the stream has moved: until it has packets
 * from elsewhere, and its own viewers and pullers have followed.
 */
const MOVED_KEEP_MS = 6_000;

/** How long a replaced source that still flows is still sent: the puller's viewers have to follow. */
const REPLACED_KEEP_MS = 3_000;

interface FedTrack {
  readonly consumer: Consumer;
  readonly producer: Producer;
  readonly rtpParametersJson: string;
}

/**
 * The parent's half of a relay: consumes a copy's tracks into a pipe and tells the puller of them.
 * Packets flow from when the puller says that somebody wants them until it says otherwise. It follows the copy by comparing what is with what
 * should be, one pass at a time, so that changes during a pass are caught by the next.
 */
export class RelayFeed extends Resource {
  readonly #copy: StreamCopy;
  readonly #epoch: number;
  readonly #fed = new Map<string, FedTrack>();
  /** Of sources that were replaced. */
  readonly #former = new Set<FedTrack>();
  readonly #data: RelayDataFeed;
  readonly #follow = () => this.#changed();
  readonly #onCopyClosed = (reason: CloseReason) => this.#end(reason);
  readonly #onPipeClosed = () => this.close('pipe closed');
  #paused = true;
  #passing = false;
  #again = false;
  #told: string | undefined;
  #failure: SluiceError | undefined;
  #ending: Timer | undefined;

  constructor(private readonly options: RelayFeedOptions) {
    super();
    const { copy, pipe } = options;
    this.#copy = copy;
    this.#epoch = copy.epoch;
    this.#data = this.own(new RelayDataFeed(pipe));
    copy.on('tracksChanged', this.#follow);
    copy.on('pausedChanged', this.#follow);
    copy.on('sourceChanged', this.#follow);
    copy.on('closed', this.#onCopyClosed);
    pipe.on('closed', this.#onPipeClosed);
    pipe.use(this);
    copy.watch(this, false);
    this.#changed();
  }

  /** What broke it, if something did. */
  get failure(): SluiceError | undefined {
    return this.#failure;
  }

  /** The router that it feeds. */
  get farRouterId(): string {
    return this.options.pipe.far.routerId;
  }

  /** Whether the puller was told to go elsewhere, and is fed only until it has. */
  get ending(): boolean {
    return this.#ending !== undefined;
  }

  /** Whether nobody below wants packets. */
  setPaused(paused: boolean): void {
    if (this.closed || this.#ending || paused === this.#paused) return;
    this.#paused = paused;
    this.#copy.watch(this, !paused);
    if (paused) this.#closeFormer();
    this.#changed();
  }

  protected override release(_reason: CloseReason): void {
    const { pipe } = this.options;
    this.#ending?.cancel();
    this.#leaveCopy();
    pipe.off('closed', this.#onPipeClosed);
    for (const fed of this.#fed.values()) endFed(fed);
    this.#closeFormer();
    pipe.drop(this);
  }

  #leaveCopy(): void {
    const copy = this.#copy;
    copy.off('tracksChanged', this.#follow);
    copy.off('pausedChanged', this.#follow);
    copy.off('sourceChanged', this.#follow);
    copy.off('closed', this.#onCopyClosed);
    copy.unwatch(this);
  }

  #changed(): void {
    if (this.closed || this.#ending) return;
    if (this.#copy.epoch !== this.#epoch) {
      this.#end(RELAY_REASONS.moved);
      return;
    }
    this.#again = true;
    if (!this.#passing) void this.#passes();
  }

  async #passes(): Promise<void> {
    this.#passing = true;
    try {
      while (this.#again && !this.closed && !this.#ending) {
        this.#again = false;
        await this.#pass();
      }
    } catch (error) {
      this.#failure = new SluiceError('UNAVAILABLE', 'the relay broke', {}, { cause: error });
      this.close('failed');
    } finally {
      this.#passing = false;
    }
  }

  async #pass(): Promise<void> {
    this.#dropGone();
    for (const track of [...this.#copy.tracks.values()]) await this.#feed(track);
    await this.#feedData();
    await Promise.all([...this.#fed.values()].map((fed) => this.#applyPause(fed)));
    if (!this.#again) this.#tell();
  }

  async #feedData(): Promise<void> {
    const { data } = this.#copy;
    try {
      await this.#data.follow(data);
    } catch (error) {
      // One that has lost its source meanwhile is told of by the copy.
      if (!this.closed && ![...data.values()].some(({ producer }) => producer.closed)) throw error;
    }
  }

  #dropGone(): void {
    for (const [trackId, fed] of this.#fed) {
      const now = this.#copy.tracks.get(trackId);
      if (now?.producer === fed.producer) continue;
      this.#fed.delete(trackId);
      if (now && !this.#paused) this.#keepFormer(fed);
      else endFed(fed);
    }
  }

  #keepFormer(fed: FedTrack): void {
    this.#former.add(fed);
    this.options.clock.after(REPLACED_KEEP_MS, () => {
      this.#former.delete(fed);
      endFed(fed);
    });
  }

  #closeFormer(): void {
    for (const fed of this.#former) endFed(fed);
    this.#former.clear();
  }

  async #feed({ trackId, producer }: CopyTrack): Promise<void> {
    // A closed one is an edge's that has lost its parent: its successor follows.
    if (this.closed || this.#fed.has(trackId) || producer.closed) return;
    const consumer = await this.#consume(producer);
    if (!consumer) return;
    if (isClosed(this)) {
      endConsumer(consumer, producer);
      return;
    }
    const rtpParametersJson = JSON.stringify(consumer.rtpParameters);
    this.#fed.set(trackId, { consumer, producer, rtpParametersJson });
  }

  async #consume(producer: Producer): Promise<Consumer | undefined> {
    try {
      const { transport, router } = this.options.pipe;
      return await consumeForPipe(transport, producer, () => router.router.rtpCapabilities);
    } catch (error) {
      // Its end is no failure of the relay: the copy tells of it, and the next pass drops it.
      if (producer.closed || this.closed) return undefined;
      throw error;
    }
  }

  async #applyPause({ consumer, producer }: FedTrack): Promise<void> {
    if (consumer.closed || consumer.paused === this.#paused) return;
    try {
      // Resuming asks for a keyframe by itself.
      await (this.#paused ? consumer.pause() : consumer.resume());
    } catch (error) {
      // Its producer ended meanwhile, of which the consumer may not have heard yet.
      if (isClosed(consumer) || producer.closed) return;
      throw error;
    }
  }

  #tell(): void {
    if (this.closed || this.#ending) return;
    const tracks = [...this.#fed].map(([trackId, fed]) => toRelayTrack(trackId, fed));
    const path = [...this.#copy.path];
    const { list } = this.#data;
    const said = JSON.stringify({ tracks, path, list });
    if (said === this.#told) return;
    this.#told = said;
    const data = list.length > 0 && { data: { tracks: list } };
    this.options.write({ message: { $case: 'tracks', value: { tracks, path, ...data } } });
  }

  /** Nothing flows any more, so the puller need not wait for better. */
  #endWhenDry(reason: CloseReason): void {
    const flows = [...this.#fed.values()].some(({ producer }) => !producer.closed);
    if (!flows) this.close(reason);
  }

  #end(copyReason: CloseReason): void {
    if (this.#ending) return;
    const moved = copyReason === RELAY_REASONS.moved;
    const reason = this.options.origin && !moved ? RELAY_REASONS.streamEnded : copyReason;
    this.options.write({ message: { $case: 'ended', value: { reason } } });
    if (!moved) {
      this.close(reason);
      return;
    }
    // What flows goes on flowing: the puller ends the call when it has it from elsewhere.
    this.#leaveCopy();
    this.#ending = this.options.clock.after(MOVED_KEEP_MS, () => this.close(reason));
    for (const { producer } of this.#fed.values()) {
      producer.observer.once('close', () => this.#endWhenDry(reason));
    }
    this.#endWhenDry(reason);
  }
}

// A function, because the compiler takes what it saw before an await for still true.
function isClosed(resource: { readonly closed: boolean }): boolean {
  return resource.closed;
}

function endFed({ consumer, producer }: FedTrack): void {
  endConsumer(consumer, producer);
}

function toRelayTrack(trackId: string, { producer, rtpParametersJson }: FedTrack): RelayTrack {
  const { kind, paused, rtpParameters } = producer;
  return {
    track: {
      trackId,
      kind: kind === 'audio' ? TrackKind.TRACK_KIND_AUDIO : TrackKind.TRACK_KIND_VIDEO,
      paused,
      mimeType: rtpParameters.codecs[0]?.mimeType ?? '',
    },
    rtpParametersJson,
  };
}
