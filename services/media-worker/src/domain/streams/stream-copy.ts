import type { Producer } from 'mediasoup/types';
import { Resource, type ResourceEvents, type StreamName } from '@sluice/core';
import type { HomeRouter } from '../routers/home-router.js';
import type { DataTrack } from '../data/data-track.js';

/** One track of a stream as one router holds it. */
export interface CopyTrack {
  /** The same on every router. */
  readonly trackId: string;
  /** The origin's own, or the one that a relay made. */
  readonly producer: Producer;
}

export interface StreamCopyEvents extends ResourceEvents {
  /** Tracks were added or removed. */
  tracksChanged: [];
  /** A track's source was muted or unmuted. */
  pausedChanged: [trackId: string];
  /** Somebody here wants packets (true), or nobody does any more. Edges pause upstream by it. */
  wantedChanged: [wanted: boolean];
  /** The first watcher came (true), or the last one left (false). Edges linger and close by it. */
  watchedChanged: [watched: boolean];
  /** The copy is fed by another parent, or the stream has another origin and so a new epoch. */
  sourceChanged: [];
}

/**
 * A stream on one router: the origin's producers, or their copies at an edge. Whoever subscribes or
 * relays onward consumes from it. Its owner (a publication or a relay) adds and removes tracks and
 * closes it; producers belong to their transports.
 */
export class StreamCopy extends Resource<StreamCopyEvents> {
  readonly #tracks = new Map<string, CopyTrack>();
  readonly #data = new Map<string, DataTrack>();
  readonly #watchers = new Map<object, boolean>();
  readonly #held = new Set<string>();
  #wanted = false;
  #epoch: number;
  #path: readonly string[];

  constructor(
    readonly name: StreamName,
    epoch: number,
    readonly router: HomeRouter,
    path: readonly string[],
  ) {
    super();
    this.#epoch = epoch;
    this.#path = path;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Node ids from the origin to here, both included; one entry where the origin is on this node. */
  get path(): readonly string[] {
    return this.#path;
  }

  get tracks(): ReadonlyMap<string, CopyTrack> {
    return this.#tracks;
  }

  /** Its data channels. */
  get data(): ReadonlyMap<string, DataTrack> {
    return this.#data;
  }

  /** Whether anybody consumes it at all, paused or not. */
  get watched(): boolean {
    return this.#watchers.size > 0;
  }

  /** Whether anybody wants packets now. */
  get wanted(): boolean {
    return this.#wanted;
  }

  /** Adds a track, or replaces one of its name. It is removed when its producer closes. */
  addTrack(track: CopyTrack): void {
    this.keepTrack(track);
    track.producer.observer.once('close', () => {
      if (!this.#held.has(track.trackId)) this.removeTrack(track.trackId, track.producer.id);
    });
  }

  /** The track's producer ends, and another one replaces it in a moment: the track stays. */
  hold(trackId: string): void {
    this.#held.add(trackId);
  }

  /**
   * As `addTrack`, but it stays until it is removed or replaced: when an edge loses its parent, its
   * producers close, and those who watch should not take their tracks for ended.
   */
  keepTrack(track: CopyTrack): void {
    this.#tracks.set(track.trackId, track);
    this.#held.delete(track.trackId);
    const onPause = () => this.emit('pausedChanged', track.trackId);
    track.producer.observer.on('pause', onPause);
    track.producer.observer.on('resume', onPause);
    this.emit('tracksChanged');
  }

  /** Forgets a track; `producerId` guards against removing its successor of the same name. */
  removeTrack(trackId: string, producerId?: string): void {
    const track = this.#tracks.get(trackId);
    if (!track || (producerId !== undefined && track.producer.id !== producerId)) return;
    this.#tracks.delete(trackId);
    this.#held.delete(trackId);
    this.emit('tracksChanged');
  }

  /** Adds a data track, or replaces one of its name. */
  putData(track: DataTrack): void {
    this.#data.set(track.trackId, track);
    this.emit('tracksChanged');
  }

  removeData(trackId: string): void {
    if (this.#data.delete(trackId)) this.emit('tracksChanged');
  }

  /** An edge has found another parent: whoever watches keeps watching, the tracks are replaced. */
  changeSource(epoch: number, path: readonly string[]): void {
    if (epoch === this.#epoch && path.join() === this.#path.join()) return;
    this.#epoch = epoch;
    this.#path = path;
    this.emit('sourceChanged');
  }

  /**
   * Counts `watcher` (a subscription, or a relay to another router) as consuming, and whether it
   * wants packets now. Call again when that changes, and `unwatch` at the end.
   */
  watch(watcher: object, wantsPackets: boolean): void {
    const first = this.#watchers.size === 0;
    this.#watchers.set(watcher, wantsPackets);
    if (first) this.emit('watchedChanged', true);
    this.#weigh();
  }

  unwatch(watcher: object): void {
    if (!this.#watchers.delete(watcher)) return;
    this.#weigh();
    if (this.#watchers.size === 0) this.emit('watchedChanged', false);
  }

  #weigh(): void {
    const wanted = [...this.#watchers.values()].includes(true);
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    this.emit('wantedChanged', wanted);
  }
}
