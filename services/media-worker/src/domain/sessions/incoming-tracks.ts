import type { Producer } from 'mediasoup/types';
import { Resource, type Timer } from '@sluice/core';
import type { IncomingTrack, Mid } from '@sluice/sdp';
import type { Connection } from './connection.js';
import type {
  IncomingStream,
  IncomingStreamEvents,
  PublishingSettings,
} from './incoming-stream.js';
import { layersOfUnknown, mayHaveLayers, seesLayers } from './layer-look.js';
import type { CopyTrack } from '../streams/stream-copy.js';
import { TrackIds } from '../streams/track-ids.js';

/**
 * Keyframes are dear, and any viewer may ask for one: not more often than this. A join that has to
 * wait for it waits no longer. Browsers ignore a request within 300 ms of the last one, and an
 * ignored one is repeated only after a second.
 */
const KEYFRAME_INTERVAL_MS = 320;
/** After the handshake; a client that is mute sends nothing, and is there all the same. */
const FIRST_PACKET_MS = 1_000;

/** The tracks of one stream as they arrive on a PeerConnection, and their producers. */
export class IncomingTracks extends Resource<IncomingStreamEvents> implements IncomingStream {
  readonly #producers = new Map<Mid, CopyTrack>();
  readonly #trackIds = new TrackIds();
  readonly #askedAtMs: number;
  #connectedAtMs: number | undefined;
  #flowing = false;
  #timer: Timer | undefined;

  constructor(
    readonly connection: Connection,
    private readonly settings: PublishingSettings,
    readonly endsWhenEmpty = false,
  ) {
    super();
    this.#askedAtMs = connection.connected ? settings.clock.nowMs() : connection.openedAtMs;
    if (connection.connected) this.#startTimer();
    else connection.on('connected', () => this.#startTimer());
  }

  /** What is received now. */
  get tracks(): readonly CopyTrack[] {
    return [...this.#producers.values()];
  }

  get mids(): readonly Mid[] {
    return [...this.#producers.keys()];
  }

  get flowing(): boolean {
    return this.#flowing;
  }

  /** To be told once a negotiation is through. */
  settle(): void {
    this.emit('changed');
  }

  /** Whether it had a track there. */
  remove(mid: Mid): boolean {
    this.#producers.get(mid)?.producer.close();
    this.#trackIds.free(mid);
    return this.#producers.delete(mid);
  }

  /** The mids for which the worker made no producer. */
  async produce(added: readonly IncomingTrack[]): Promise<ReadonlySet<Mid>> {
    // In the order of the m-lines, so that `audio` and `video` are the first of each kind.
    const named = added.map((track) => ({
      track,
      trackId: this.#trackIds.assign(track.mid, track.kind),
    }));
    const results = await Promise.allSettled(named.map(({ track }) => this.#produceOne(track)));
    const rejected = new Set<Mid>();
    for (const [index, result] of results.entries()) {
      const { track, trackId } = named[index] ?? {};
      if (!track || trackId === undefined) continue;
      if (result.status === 'fulfilled') {
        this.#producers.set(track.mid, { trackId, producer: result.value });
        if (this.closed) result.value.close();
        else if (mayHaveLayers(track)) void this.#lookForLayers(track, trackId, result.value);
      } else {
        this.#trackIds.free(track.mid);
        rejected.add(track.mid);
      }
    }
    return rejected;
  }

  protected override release(): void {
    this.#timer?.cancel();
    for (const { producer } of this.tracks) producer.close();
  }

  async #produceOne({ kind, rtpParameters }: IncomingTrack): Promise<Producer> {
    const producer = await this.connection.transport.produce({
      kind,
      rtpParameters,
      keyFrameRequestDelay: KEYFRAME_INTERVAL_MS,
    });
    // The first packet of a stream gives it its first score.
    producer.once('score', () => this.#onFirstPacket());
    return producer;
  }

  /**
   * A producer's layers are what it was made with: one whose packets turn out to have some is made
   * anew. Those who watch by then are told to follow, as when a stream moves.
   */
  async #lookForLayers(track: IncomingTrack, trackId: string, producer: Producer): Promise<void> {
    const isCurrent = () => !this.closed && this.#producers.get(track.mid)?.producer === producer;
    if (!(await seesLayers(producer, this.settings.clock)) || !isCurrent()) return;
    this.emit('renewing', trackId);
    // First: its SSRC can be but one producer's.
    producer.close();
    try {
      const layered = await this.#produceOne(layersOfUnknown(track));
      if (isCurrent()) this.#producers.set(track.mid, { trackId, producer: layered });
      else layered.close();
    } catch {
      if (isCurrent()) this.remove(track.mid);
    }
    if (!this.closed) this.emit('changed');
  }

  #startTimer(): void {
    if (this.closed) return;
    this.#connectedAtMs = this.settings.clock.nowMs();
    this.#timer = this.settings.clock.after(FIRST_PACKET_MS, () => this.#flows());
  }

  #onFirstPacket(): void {
    const silent = ({ producer }: CopyTrack) => producer.score.length === 0 && !producer.paused;
    if (this.#flowing || this.tracks.some(silent)) return;
    const { clock, joins } = this.settings;
    const nowMs = clock.nowMs();
    joins.onPhase('publishing', 'first_packet', nowMs - (this.#connectedAtMs ?? nowMs));
    joins.onFirstMedia('publishing', nowMs - this.#askedAtMs);
    this.#flows();
  }

  #flows(): void {
    if (this.#flowing) return;
    this.#flowing = true;
    this.emit('flowing');
  }
}
