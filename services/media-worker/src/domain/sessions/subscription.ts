import type { Consumer, WebRtcTransport } from 'mediasoup/types';
import {
  Resource,
  sdpStreamId,
  streamKey,
  type Clock,
  type Closable,
  type StreamKey,
  type StreamName,
} from '@sluice/core';
import { SdpError, type Mid } from '@sluice/sdp';
import type { Connection } from './connection.js';
import type { DataChannel } from '../data/data-channel.js';
import type { SubscriptionRef } from './session-events.js';
import { ShownLayers } from './shown-layers.js';
import type { CopyTrack, StreamCopy } from '../streams/stream-copy.js';
import type { StreamSource } from '../streams/stream-copies.js';
import { SubscribedData, type DataCarrier } from './subscribed-data.js';

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

/** What an m-line carries. */
interface Feed {
  readonly mid: Mid;
  /** As the SDP names it. */
  readonly trackName: string;
  readonly consumer: Consumer;
}

/** One track as the client receives it. */
interface Line extends Feed {
  readonly track: CopyTrack;
  readonly layers: ShownLayers;
  /**
   * What the client had before: on the same m-line until it has accepted `consumer` in its place, on
   * one of its own until `consumer` has a picture.
   */
  predecessor: Feed | undefined;
  /** The client was offered it; an answer to an older offer says nothing of it. */
  offered: boolean;
  accepted: boolean;
  flowing: boolean;
}

/** An offer of ours that the client has not answered. */
export interface PendingOffer {
  readonly sdp: string;
  readonly cause: Subscription | undefined;
}

/** The PeerConnection on which a client receives subscriptions. */
export interface Carrier extends Closable, DataCarrier {
  /** What the client calls it; empty when it belongs to one subscription alone. */
  readonly key: string;
  readonly connected: boolean;
  readonly connection: Connection;
  readonly transport: WebRtcTransport;
  /** Where its subscriptions get streams from, if not as the router numbers them. */
  readonly source?: StreamSource;
  /** Whether something changed that the client has not been told. */
  readonly offerNeeded: boolean;
  readonly pending: PendingOffer | undefined;
  /** A subscription without tracks is over: its client can be told no more than that. */
  readonly endsWhenEmpty?: boolean;
  /** Puts a subscription on it, until that closes. */
  carry(subscription: Subscription): void;
  /** Makes a paused consumer on the m-line `mid` or a new one; undefined where the client has no place for it. */
  consume(track: CopyTrack, streamId: string, mid?: Mid): Promise<[Mid, Consumer] | undefined>;
  /** Tells, when `consumer` has sent its first media, how long the subscription took. */
  watchFirstMedia(consumer: Consumer, askedAtMs: number): void;
  stop(mid: Mid): void;
  /** Our offer of all there is now; undefined while an earlier one is unanswered. */
  offer(cause: Subscription): string | undefined;
  /** Like {@link offer}, for what the client did not ask for. */
  announce(cause: Subscription): void;
  /** Says again what may not have reached the client. */
  repeat(): void;
  /** @throws {SdpError} or {SluiceError}, and then the offer is still unanswered. */
  answer(sdp: string): Promise<void>;
  /** New ICE credentials, which the next offer brings. */
  restartIce(): Promise<void>;
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

/** How long what was replaced still flows after the first picture of its successor: it has to arrive. */
const OVERLAP_MS = 500;
/** Above that of all other consumers. */
const FIRST_PRIORITY = 10;

/** One stream that a session receives. */
export class Subscription extends Resource {
  readonly key: StreamKey;
  readonly #lines = new Map<string, Line>();
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

  get lines(): readonly Readonly<Line>[] {
    return [...this.#lines.values()];
  }

  /** Whether there is nothing of it that the client could be offered. */
  get empty(): boolean {
    return this.#lines.size === 0 && (this.#copy?.data.size ?? 0) === 0;
  }

  /** Whether the client still gets packets of it, from wherever. */
  get flowing(): boolean {
    return this.lines.some(
      (line) => isFlowing(line) || line.predecessor?.consumer.closed === false,
    );
  }

  /** Resolves when the client gets packets of it no more. */
  async dry(): Promise<void> {
    const flowing = this.lines.filter(isFlowing);
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
    for (const line of this.lines) {
      const { trackId } = line.track;
      if (!copy.tracks.has(trackId) || this.#isWithheld(trackId)) this.#stop(line);
    }
    const missing = [...copy.tracks.values()].filter(
      ({ trackId, producer }) =>
        this.#lines.get(trackId)?.track.producer !== producer &&
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

  /** The connection is up: what the client accepted flows from now on. */
  connected(): void {
    this.#copy?.watch(this, this.#wantsPackets());
    void this.#applyAll();
  }

  /** Data channels can be opened on the connection. */
  dataConnected(): void {
    this.#data.open();
  }

  /** An offer of all that is there now is on its way. */
  offered(): void {
    for (const line of this.#lines.values()) line.offered = true;
    void this.#applyAll();
  }

  /** What the client made of our last offer. */
  answered(accepted: ReadonlySet<Mid>, rejected: ReadonlySet<Mid>): void {
    for (const line of this.#lines.values()) {
      if (!line.offered) continue;
      if (rejected.has(line.mid)) this.#refuse(line);
      else if (accepted.has(line.mid)) this.#accept(line);
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
    await Promise.all(this.lines.map((line) => line.layers.wish(this.#layers)));
    await this.#applyAll();
  }

  protected override release(): void {
    this.#leaveCopy();
    for (const line of this.lines) this.#stop(line);
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
    const before = this.#lines.get(track.trackId);
    const feed = await this.#makeFeed(track, before);
    if (!feed) return;
    if (this.closed || track.producer.closed) {
      feed.consumer.close();
      if (!this.closed && feed.mid !== before?.mid) this.connection.stop(feed.mid);
      return;
    }
    await this.#put(track, feed, before).layers.wish(this.#layers);
  }

  #put(track: CopyTrack, feed: Feed, before: Line | undefined): Line {
    const predecessor = before?.accepted && !isBeside(before) ? before : before?.predecessor;
    if (before && predecessor !== before) before.consumer.close();
    const states = { offered: false, accepted: false, flowing: false };
    const layers = new ShownLayers({
      consumer: feed.consumer,
      probes: this.connection.connection.probes,
      clock: this.options.clock,
      flows: () => line.flowing,
    });
    const line: Line = { ...feed, track, layers, predecessor, ...states };
    this.#lines.set(track.trackId, line);
    if (predecessor?.consumer.closed) this.#retire(line);
    else predecessor?.consumer.observer.once('close', () => this.#retire(line));
    return line;
  }

  /** On an m-line of its own where there is nothing to replace, or where that is shown meanwhile. */
  async #makeFeed(track: CopyTrack, before: Line | undefined): Promise<Feed | undefined> {
    const { trackId } = track;
    if (before && isFlowing(before) && !isBeside(before) && this.#overlaps(track)) {
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
    return made && { mid: made[0], trackName, consumer: made[1] };
  }

  #overlaps({ producer }: CopyTrack): boolean {
    return this.options.overlap && producer.kind === 'video';
  }

  #stop(line: Line): void {
    this.#lines.delete(line.track.trackId);
    this.connection.stop(line.mid);
    line.consumer.close();
    this.#retire(line);
  }

  /** Ends what a line has replaced. */
  #retire(line: Line): void {
    const { predecessor } = line;
    if (!predecessor) return;
    const beside = isBeside(line);
    line.predecessor = undefined;
    predecessor.consumer.close();
    if (!beside) return;
    this.connection.stop(predecessor.mid);
    if (!this.closed) this.events.tracksChanged();
  }

  async #retireOnceShown(line: Line): Promise<void> {
    const { consumer } = line;
    await favour(consumer, true);
    await firstPicture(consumer);
    await favour(consumer, false);
    this.options.clock.after(OVERLAP_MS, () => this.#retire(line));
  }

  #refuse(line: Line): void {
    this.#refusedProducers.add(line.track.producer.id);
    this.#stop(line);
    this.events.trackRefused(line.track);
  }

  #accept(line: Line): void {
    if (line.accepted) return;
    line.accepted = true;
    if (!this.connection.connection.negotiation.takesSpatialLayers(line.mid)) {
      line.layers.keepLowest();
    }
    if (isBeside(line)) void this.#retireOnceShown(line);
    else this.#retire(line);
    void this.#apply(line);
  }

  async #applyAll(): Promise<void> {
    await Promise.all(this.lines.map((line) => this.#apply(line)));
  }

  /** Resumes or pauses a consumer as it should be; resuming video asks for a keyframe. */
  async #apply(line: Line): Promise<void> {
    const paused = !this.#wantsTrack(line.track);
    if (paused && line.accepted) this.#retire(line);
    const due = line.accepted || isSeamless(line);
    const flowing = due && this.connection.connected && !paused;
    if (flowing === line.flowing || line.consumer.closed) return;
    line.flowing = flowing;
    if (flowing) this.#measureOnce(line.consumer);
    try {
      await (flowing ? line.consumer.resume() : line.consumer.pause());
    } catch {
      // It closed meanwhile, by its producer's end or its transport's, or its worker died.
    }
  }

  /** Of the first video, which is what one waits for; of audio where there is none. */
  #measureOnce(consumer: Consumer): void {
    const hasVideo = this.lines.some((line) => line.consumer.kind === 'video');
    if (this.#measured || consumer.kind !== (hasVideo ? 'video' : 'audio')) return;
    this.#measured = true;
    this.connection.watchFirstMedia(consumer, this.options.askedAtMs);
  }
}

/**
 * Sound that replaces other sound flows from its offer on: a browser drops the old source when it
 * applies the offer, some time before its answer is here, and from then on has to have the new one.
 * Until then it mixes the two, which are the same. A picture would have to begin anew anyway.
 */
function isSeamless({ offered, consumer, predecessor }: Line): boolean {
  return offered && consumer.kind === 'audio' && predecessor?.consumer.closed === false;
}

function isFlowing({ flowing, consumer }: Line): boolean {
  return flowing && !consumer.closed;
}

/** Whether what it replaces is on another m-line. */
function isBeside({ mid, predecessor }: Line): boolean {
  return predecessor !== undefined && predecessor.mid !== mid;
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
