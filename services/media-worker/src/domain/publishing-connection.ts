import type { Producer } from 'mediasoup/types';
import { Resource, SluiceError, type ResourceEvents, type Timer } from '@sluice/core';
import type { IncomingTrack, Mid, OfferReceived } from '@sluice/sdp';
import { Connection, type ConnectionSettings } from './connection.js';
import type { HomeRouter } from './home-router.js';
import type { CopyTrack } from './stream-copy.js';
import { TrackIds } from './track-ids.js';

export interface PublishingConnectionEvents extends ResourceEvents {
  /** Media of all its tracks can be had, or could if the client were not mute: emitted once. */
  flowing: [];
}

export interface PublishingSettings extends ConnectionSettings {
  readonly tracksMax: number;
}

/**
 * Keyframes are dear, and any viewer may ask for one: not more often than this. A join that has to
 * wait for it waits no longer. Browsers ignore a request within 300 ms of the last one, and an
 * ignored one is repeated only after a second.
 */
const KEYFRAME_INTERVAL_MS = 320;
/** After the handshake; a client that is mute sends nothing, and is there all the same. */
const FIRST_PACKET_MS = 1_000;

export function connectionLost(): SluiceError {
  return new SluiceError('UNAVAILABLE', 'the connection was lost');
}

/** A PeerConnection on which a client sends one stream, and the producers that receive it. */
export class PublishingConnection extends Resource<PublishingConnectionEvents> {
  readonly #producers = new Map<Mid, CopyTrack>();
  readonly #trackIds = new TrackIds();
  #flowing = false;
  #timer: Timer | undefined;

  private constructor(
    private readonly connection: Connection,
    private readonly settings: PublishingSettings,
  ) {
    super();
    this.own(connection);
    connection.on('connected', () => this.#onConnected());
    connection.onClosed((reason) => this.close(reason));
  }

  static async open(home: HomeRouter, settings: PublishingSettings): Promise<PublishingConnection> {
    const connection = await Connection.open(home, 'publishing', settings);
    return new PublishingConnection(connection, settings);
  }

  /** Whether an offer is of this PeerConnection of the client and not of a new one. */
  continues(sdp: string): boolean {
    return this.connection.negotiation.continues(sdp);
  }

  /** What is received now. */
  get tracks(): readonly CopyTrack[] {
    return [...this.#producers.values()];
  }

  get flowing(): boolean {
    return this.#flowing;
  }

  get transport(): Connection['transport'] {
    return this.connection.transport;
  }

  /**
   * Answers an offer of the client. `claim` runs once the offer is known to be good and before
   * anything is produced.
   *
   * @throws {SdpError} or {SluiceError}, and then the negotiation is as it was.
   */
  async negotiate(sdp: string, claim: () => Promise<void>): Promise<string> {
    const { negotiation } = this.connection;
    const offer = negotiation.receiveOffer(sdp);
    try {
      this.#check(offer);
      await claim();
      await this.connection.connect(offer.connect);
      const iceParameters = offer.iceRestart ? await this.connection.restartIce() : undefined;
      for (const mid of offer.removed) this.#remove(mid);
      const rejected = await this.#produceAll(offer.added);
      return negotiation.answer({ iceParameters, rejected });
    } catch (error) {
      negotiation.refuseOffer();
      throw this.closed ? connectionLost() : error;
    }
  }

  protected override release(): void {
    this.#timer?.cancel();
  }

  #check(offer: OfferReceived): void {
    const tracks = this.#producers.size - offer.removed.length + offer.added.length;
    if (tracks > this.settings.tracksMax) {
      throw new SluiceError(
        'TOO_LARGE',
        `a stream has at most ${String(this.settings.tracksMax)} tracks`,
      );
    }
    if (tracks === 0 && this.#producers.size === 0) {
      throw new SluiceError('INVALID_ARGUMENT', 'the offer sends neither audio nor video');
    }
  }

  #remove(mid: Mid): void {
    this.#producers.get(mid)?.producer.close();
    this.#producers.delete(mid);
    this.#trackIds.free(mid);
  }

  /** The mids for which the worker made no producer. */
  async #produceAll(added: readonly IncomingTrack[]): Promise<ReadonlySet<Mid>> {
    // In the order of the m-lines, so that `audio` and `video` are the first of each kind.
    const named = added.map((track) => ({
      track,
      trackId: this.#trackIds.assign(track.mid, track.kind),
    }));
    const results = await Promise.allSettled(named.map(({ track }) => this.#produce(track)));
    const rejected = new Set<Mid>();
    for (const [index, result] of results.entries()) {
      const { track, trackId } = named[index] ?? {};
      if (!track || trackId === undefined) continue;
      if (result.status === 'fulfilled') {
        this.#producers.set(track.mid, { trackId, producer: result.value });
      } else {
        this.#trackIds.free(track.mid);
        rejected.add(track.mid);
      }
    }
    if (this.closed) throw connectionLost();
    if (rejected.size > 0 && this.#producers.size === 0) {
      throw new SluiceError('INVALID_ARGUMENT', 'none of the offered tracks can be received');
    }
    return rejected;
  }

  async #produce({ kind, rtpParameters }: IncomingTrack): Promise<Producer> {
    const producer = await this.connection.transport.produce({
      kind,
      rtpParameters,
      keyFrameRequestDelay: KEYFRAME_INTERVAL_MS,
    });
    // The first packet of a stream gives it its first score.
    producer.once('score', () => this.#onFirstPacket());
    return producer;
  }

  #onConnected(): void {
    this.#timer = this.settings.clock.after(FIRST_PACKET_MS, () => this.#flows());
  }

  #onFirstPacket(): void {
    const silent = ({ producer }: CopyTrack) => producer.score.length === 0 && !producer.paused;
    if (!this.tracks.some(silent)) this.#flows();
  }

  #flows(): void {
    if (this.#flowing) return;
    this.#flowing = true;
    this.emit('flowing');
  }
}
