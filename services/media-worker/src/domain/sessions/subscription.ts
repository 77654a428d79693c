import type { Consumer } from 'mediasoup/types';
import {
  Resource,
  sdpStreamId,
  streamKey,
  type Clock,
  type StreamKey,
  type StreamName,
} from '@sluice/core';
import { SdpError, type Mid } from '@sluice/sdp';
import type { Carried, Carrier } from './carrier.js';
import type { DataChannel } from '../data/data-channel.js';
import type { SubscriptionRef } from './session-events.js';
import { endConsumer } from '../end-consumer.js';
import type { CopyTrack, StreamCopy } from '../streams/stream-copy.js';
import { SubscribedData } from './subscribed-data.js';
import { SubscribedTrack, type Feed } from './subscribed-track.js';

/** What a client wants of a stream's video; the highest layers where nothing is said. */
export interface Layers {
  readonly spatial?: number | undefined;
  readonly temporal?: number | undefined;
  readonly paused?: boolean | undefined;
  /** Tracks of which nobody behind the client wants packets, of whatever kind. */
  readonly unwanted?: ReadonlySet<string> | undefined;
  /** Tracks that the client is not offered. One that is no more is offered though it was declined. */
  readonly withheld?: ReadonlySet<string> | undefined;
}

export interface SubscriptionEvents {
  /** The stream has other tracks by now: {@link Subscription.reconcile} is due. */
  tracksChanged: () => void;
  /** The client's answer declines a track, mostly for its codec. */
  trackRefused: (track: CopyTrack) => void;
  /** A data track flows on a channel of ours. */
  channelOpened: (trackId: string, channel: DataChannel) => void;
  /** The client reads a data track too slowly, and gets no more of it. */
  notRead: (trackId: string) => void;
  /** The copy that fed it is gone. */
  copyClosed: (reason: string) => void;
}

export interface SubscriptionOptions {
  readonly clock: Clock;
  /** The client knows how to show the old picture until the new one, on another m-line, flows. */
  readonly overlap: boolean;
  /** When the client asked for the stream. */
  readonly askedAtMs: number;
  /** See {@link Layers}. */
  readonly withheld?: ReadonlySet<string> | undefined;
}

/** One stream that a session receives. */
export class Subscription extends Resource implements Carried {
  readonly key: StreamKey;
  readonly #tracks = new Map<string, SubscribedTrack>();
  readonly #refusedProducers = new Set<string>();
  readonly #data: SubscribedData;
  readonly #onTracksChanged = () => this.events.tracksChanged();
  readonly #onCopyClosed: (reason: string) => void;
  #copy: StreamCopy | undefined;
  #layers: Layers = {};
  #measured = false;

  constructor(
    readonly name: StreamName,
    readonly connection: Carrier,
    private readonly events: SubscriptionEvents,
    private readonly options: SubscriptionOptions,
  ) {
    super();
    this.#layers = { withheld: options.withheld };
    this.key = streamKey(name);
    this.#onCopyClosed = (reason) => {
      this.#leaveCopy();
      this.events.copyClosed(reason);
    };
    this.#data = this.own(
      new SubscribedData(connection, {
        opened: (trackId, channel) => this.events.channelOpened(trackId, channel),
        notRead: (trackId) => this.events.notRead(trackId),
      }),
    );
    connection.carry(this);
  }

  get ref(): SubscriptionRef {
    return { stream: this.name, connection: this.connection.key };
  }

  /** Node ids from the stream's origin to here. */
  get path(): readonly string[] {
    return this.#copy?.path ?? [];
  }

  /** As the client receives them, or is offered them. */
  get tracks(): readonly SubscribedTrack[] {
    return [...this.#tracks.values()];
  }

  /** Whether there is nothing of it that the client could be offered. */
  get empty(): boolean {
    return this.#tracks.size === 0 && (this.#copy?.data.size ?? 0) === 0;
  }

  /** Whether the client still gets packets of it, from wherever. */
  get flowing(): boolean {
    return this.tracks.some(({ feeding }) => feeding);
  }

  /** Resolves when the client gets packets of it no more. */
  async dry(): Promise<void> {
    const flowing = this.tracks.filter((track) => track.flowing);
    await Promise.all(
      flowing.map(
        ({ consumer }) =>
          new Promise<void>((resolve) => {
            consumer.observer.once('close', () => resolve());
          }),
      ),
    );
  }

  /** Takes the stream from `copy` from now on; {@link reconcile} follows. */
  feed(copy: StreamCopy): void {
    this.#leaveCopy();
    if (this.closed) return;
    this.#copy = copy;
    copy.watch(this, this.#wantsPackets());
    copy.on('tracksChanged', this.#onTracksChanged);
    copy.onClosed(this.#onCopyClosed);
  }

  /**
   * Makes the consumers those of the copy's tracks; an offer follows where the client must know. A
   * track whose producer was replaced keeps its m-line.
   *
   * @throws {SdpError} TOO_LARGE when the PeerConnection has room for no more.
   */
  async reconcile(): Promise<void> {
    const copy = this.#copy;
    // A closed copy's tracks are all gone, which says nothing of the stream.
    if (!copy || copy.closed) return;
    this.#data.follow(copy.data);
    for (const { track } of this.tracks) {
      const { trackId } = track;
      if (!copy.tracks.has(trackId) || this.#isWithheld(trackId)) this.#stop(track);
    }
    const missing = [...copy.tracks.values()].filter(
      ({ trackId, producer }) =>
        this.#tracks.get(trackId)?.track.producer !== producer &&
        !this.#isWithheld(trackId) &&
        !this.#refusedProducers.has(producer.id),
    );
    const made = await Promise.allSettled(missing.map((track) => this.#consume(track)));
    copy.watch(this, this.#wantsPackets());
    if (this.closed || copy !== this.#copy) copy.unwatch(this);
    for (const [index, result] of made.entries()) {
      if (result.status === 'fulfilled' || this.closed) continue;
      // One that has lost its producer meanwhile is no failure: the copy tells in a moment.
      if (missing[index]?.producer.closed === false) throw result.reason;
    }
  }

  connected(): void {
    this.#copy?.watch(this, this.#wantsPackets());
    void this.#applyAll();
  }

  dataConnected(): void {
    this.#data.open();
  }

  offered(): void {
    for (const track of this.tracks) track.offer();
    void this.#applyAll();
  }

  answered(accepted: ReadonlySet<Mid>, rejected: ReadonlySet<Mid>): void {
    for (const track of this.tracks) {
      if (!track.offered) continue;
      if (rejected.has(track.mid)) this.#refuse(track);
      else if (accepted.has(track.mid)) this.#accept(track);
    }
    if (this.empty && this.#refusedProducers.size > 0) this.close('no codec in common');
  }

  /** Where `withheld` is given, {@link reconcile} is due. */
  async setLayers(layers: Layers): Promise<void> {
    if (layers.withheld) this.#forgive(layers.withheld);
    this.#layers = {
      spatial: layers.spatial ?? this.#layers.spatial,
      temporal: layers.temporal ?? this.#layers.temporal,
      paused: layers.paused ?? this.#layers.paused,
      unwanted: layers.unwanted ?? this.#layers.unwanted,
      withheld: layers.withheld ?? this.#layers.withheld,
    };
    this.#copy?.watch(this, this.#wantsPackets());
    await Promise.all(this.tracks.map(({ layers: shown }) => shown.wish(this.#layers)));
    await this.#applyAll();
  }

  protected override release(): void {
    this.#leaveCopy();
    for (const { track } of this.tracks) this.#stop(track);
  }

  #leaveCopy(): void {
    const copy = this.#copy;
    if (!copy) return;
    this.#copy = undefined;
    copy.off('tracksChanged', this.#onTracksChanged);
    copy.off('closed', this.#onCopyClosed);
    copy.unwatch(this);
  }

  /**
   * Audio and data go on while video is paused. Before the connection is up nothing could be sent on, and
   * the first keyframe should come when it can.
   */
  #wantsPackets(): boolean {
    if (!this.connection.connected) return false;
    const { paused, unwanted, withheld } = this.#layers;
    if (paused !== true && !unwanted?.size && !withheld?.size) return true;
    const { tracks, data } = this.#copy ?? {
      tracks: new Map<string, CopyTrack>(),
      data: new Map(),
    };
    return data.size > 0 || [...tracks.values()].some((track) => this.#wantsTrack(track));
  }

  #wantsTrack({ trackId, producer }: CopyTrack): boolean {
    if (this.#layers.unwanted?.has(trackId) === true || this.#isWithheld(trackId)) return false;
    return this.#layers.paused !== true || producer.kind === 'audio';
  }

  #isWithheld(trackId: string): boolean {
    return this.#layers.withheld?.has(trackId) === true;
  }

  /** What is withheld no longer may be offered anew. */
  #forgive(withheld: ReadonlySet<string>): void {
    for (const trackId of this.#layers.withheld ?? []) {
      const track = this.#copy?.tracks.get(trackId);
      if (track && !withheld.has(trackId)) this.#refusedProducers.delete(track.producer.id);
    }
  }

  async #consume(track: CopyTrack): Promise<void> {
    const before = this.#tracks.get(track.trackId);
    const feed = await this.#makeFeed(track, before);
    if (!feed) return;
    if (this.closed || track.producer.closed) {
      endConsumer(feed.consumer, track.producer);
      if (!this.closed && feed.mid !== before?.mid) this.connection.stop(feed.mid);
      return;
    }
    const made = new SubscribedTrack(feed, before, {
      carrier: this.connection,
      clock: this.options.clock,
      onFreed: () => {
        if (!this.closed) this.events.tracksChanged();
      },
      onFlowing: (consumer) => this.#measureOnce(consumer),
    });
    this.#tracks.set(track.trackId, made);
    await made.layers.wish(this.#layers);
  }

  /** On an m-line of its own where there is nothing to replace, or where that is shown meanwhile. */
  async #makeFeed(
    track: CopyTrack,
    before: SubscribedTrack | undefined,
  ): Promise<Feed | undefined> {
    const { trackId } = track;
    if (before?.flowing && !before.beside && this.#overlaps(track)) {
      const trackName = before.trackName === trackId ? `${trackId}-next` : trackId;
      try {
        return await this.#makeFeedOn(undefined, track, trackName);
      } catch (error) {
        // The PeerConnection has room for no more: then the picture stands still for a moment.
        if (!(error instanceof SdpError)) throw error;
      }
    }
    return this.#makeFeedOn(before?.mid, track, before?.trackName ?? trackId);
  }

  async #makeFeedOn(
    place: Mid | undefined,
    track: CopyTrack,
    trackName: string,
  ): Promise<Feed | undefined> {
    const named = { ...track, trackId: trackName };
    const made = await this.connection.consume(named, sdpStreamId(this.name), place);
    return made && { mid: made[0], trackName, track, consumer: made[1] };
  }

  #overlaps({ producer }: CopyTrack): boolean {
    return this.options.overlap && producer.kind === 'video';
  }

  #stop({ trackId }: CopyTrack): void {
    const track = this.#tracks.get(trackId);
    this.#tracks.delete(trackId);
    track?.end();
  }

  #refuse({ track }: SubscribedTrack): void {
    this.#refusedProducers.add(track.producer.id);
    this.#stop(track);
    this.events.trackRefused(track);
  }

  #accept(track: SubscribedTrack): void {
    track.accept();
    void this.#apply(track);
  }

  async #applyAll(): Promise<void> {
    await Promise.all(this.tracks.map((track) => this.#apply(track)));
  }

  #apply(track: SubscribedTrack): Promise<void> {
    return track.apply(this.#wantsTrack(track.track));
  }

  /** Of the first video, which is what one waits for; of audio where there is none. */
  #measureOnce(consumer: Consumer): void {
    const hasVideo = this.tracks.some((track) => track.consumer.kind === 'video');
    if (this.#measured || consumer.kind !== (hasVideo ? 'video' : 'audio')) return;
    this.#measured = true;
    this.connection.watchFirstMedia(consumer, this.options.askedAtMs);
  }
}
