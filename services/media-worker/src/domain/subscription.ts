import type { Consumer } from 'mediasoup/types';
import { Resource, streamKey, type StreamKey, type StreamName } from '@sluice/core';
import type { Mid } from '@sluice/sdp';
import { sdpStreamId } from './sdp-stream-id.js';
import type { SubscriptionRef } from './session-events.js';
import type { CopyTrack, StreamCopy } from './stream-copy.js';
import type { SubscribingConnection } from './subscribing-connection.js';

/** What a client wants of a stream's video; the highest layers where nothing is said. */
export interface Layers {
  readonly spatial?: number | undefined;
  readonly temporal?: number | undefined;
  readonly paused?: boolean | undefined;
}

/** One track as the client receives it. */
interface Line {
  readonly track: CopyTrack;
  readonly mid: Mid;
  readonly consumer: Consumer;
  /** Feeds the m-line until the client has accepted `consumer` in its place. */
  readonly predecessor: Consumer | undefined;
  /** The client was offered it; an answer to an older offer says nothing of it. */
  offered: boolean;
  accepted: boolean;
  flowing: boolean;
}

export interface SubscriptionEvents {
  /** The stream has other tracks by now: {@link Subscription.reconcile} is due. */
  tracksChanged: () => void;
  /** The copy that fed it is gone. */
  copyClosed: (reason: string) => void;
}

/** Above any layer there is; mediasoup takes the highest then. */
const HIGHEST_LAYER = 7;

/** One stream that a session receives. */
export class Subscription extends Resource {
  readonly key: StreamKey;
  readonly #lines = new Map<string, Line>();
  readonly #refusedProducers = new Set<string>();
  readonly #onTracksChanged = () => this.events.tracksChanged();
  readonly #onCopyClosed: (reason: string) => void;
  #copy: StreamCopy | undefined;
  #layers: Layers = {};

  constructor(
    readonly name: StreamName,
    readonly connection: SubscribingConnection,
    private readonly events: SubscriptionEvents,
  ) {
    super();
    this.key = streamKey(name);
    this.#onCopyClosed = (reason) => {
      this.#leaveCopy();
      this.events.copyClosed(reason);
    };
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

  /** Whether the client still gets packets of it, from wherever. */
  get flowing(): boolean {
    return this.lines.some(({ flowing, consumer }) => flowing && !consumer.closed);
  }

  /** Resolves when the client gets packets of it no more. */
  async dry(): Promise<void> {
    const flowing = this.lines.filter((line) => line.flowing && !line.consumer.closed);
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
    for (const line of this.lines) if (!copy.tracks.has(line.track.trackId)) this.#stop(line);
    const missing = [...copy.tracks.values()].filter(
      ({ trackId, producer }) =>
        this.#lines.get(trackId)?.track.producer !== producer &&
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

  /** An offer of all that is there now is on its way. */
  offered(): void {
    for (const line of this.#lines.values()) line.offered = true;
  }

  /** What the client made of our last offer. */
  answered(accepted: ReadonlySet<Mid>, rejected: ReadonlySet<Mid>): void {
    for (const line of this.#lines.values()) {
      if (!line.offered) continue;
      if (rejected.has(line.mid)) this.#refuse(line);
      else if (accepted.has(line.mid)) this.#accept(line);
    }
    if (this.#lines.size === 0 && this.#refusedProducers.size > 0) this.close('no codec in common');
  }

  async setLayers(layers: Layers): Promise<void> {
    this.#layers = {
      spatial: layers.spatial ?? this.#layers.spatial,
      temporal: layers.temporal ?? this.#layers.temporal,
      paused: layers.paused ?? this.#layers.paused,
    };
    this.#copy?.watch(this, this.#wantsPackets());
    await Promise.all(this.lines.map((line) => this.#prefer(line)));
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
   * Audio goes on while video is paused. Before the connection is up nothing could be sent on, and
   * the first keyframe should come when it can.
   */
  #wantsPackets(): boolean {
    if (!this.connection.connected) return false;
    if (this.#layers.paused !== true) return true;
    return [...(this.#copy?.tracks.values() ?? [])].some(
      ({ producer }) => producer.kind === 'audio',
    );
  }

  async #consume(track: CopyTrack): Promise<void> {
    const before = this.#lines.get(track.trackId);
    const [mid, consumer] = await this.connection.consume(
      track,
      sdpStreamId(this.name),
      before?.mid,
    );
    if (this.closed || track.producer.closed) {
      consumer.close();
      if (!this.closed && !before) this.connection.stop(mid);
      return;
    }
    const predecessor = before?.accepted ? before.consumer : before?.predecessor;
    if (before && predecessor !== before.consumer) before.consumer.close();
    const line: Line = {
      track,
      mid,
      consumer,
      predecessor,
      offered: false,
      accepted: false,
      flowing: false,
    };
    this.#lines.set(track.trackId, line);
    await this.#prefer(line);
  }

  #stop(line: Line): void {
    this.#lines.delete(line.track.trackId);
    this.connection.stop(line.mid);
    line.consumer.close();
    line.predecessor?.close();
  }

  #refuse(line: Line): void {
    this.#refusedProducers.add(line.track.producer.id);
    this.#stop(line);
  }

  #accept(line: Line): void {
    line.accepted = true;
    line.predecessor?.close();
    void this.#apply(line);
  }

  async #applyAll(): Promise<void> {
    await Promise.all(this.lines.map((line) => this.#apply(line)));
  }

  /** Resumes or pauses a consumer as it should be; resuming video asks for a keyframe. */
  async #apply(line: Line): Promise<void> {
    const paused = this.#layers.paused === true && line.consumer.kind === 'video';
    const flowing = line.accepted && this.connection.connected && !paused;
    if (flowing === line.flowing || line.consumer.closed) return;
    line.flowing = flowing;
    try {
      await (flowing ? line.consumer.resume() : line.consumer.pause());
    } catch {
      // It closed meanwhile, by its producer's end or its transport's, or its worker died.
    }
  }

  async #prefer({ consumer }: Line): Promise<void> {
    const { spatial, temporal } = this.#layers;
    if (spatial === undefined && temporal === undefined) return;
    if (consumer.closed || (consumer.type !== 'simulcast' && consumer.type !== 'svc')) return;
    try {
      await consumer.setPreferredLayers({
        spatialLayer: Math.min(spatial ?? HIGHEST_LAYER, HIGHEST_LAYER),
        ...(temporal === undefined ? {} : { temporalLayer: Math.min(temporal, HIGHEST_LAYER) }),
      });
    } catch {
      // As above: whoever asked for these layers has nothing left to see.
    }
  }
}
