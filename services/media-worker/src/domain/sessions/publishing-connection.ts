import { Resource, SluiceError } from '@sluice/core';
import type { OfferHints, OfferReceived } from '@sluice/sdp';
import { Connection, connectionLost } from './connection.js';
import type { HomeRouter } from '../routers/home-router.js';
import type { DataChannel } from '../data/data-channel.js';
import type {
  IncomingStream,
  IncomingStreamEvents,
  PublishingSettings,
} from './incoming-stream.js';
import { IncomingTracks } from './incoming-tracks.js';
import type { CopyTrack } from '../streams/stream-copy.js';

/** A PeerConnection on which a client sends one stream. */
export class PublishingConnection extends Resource<IncomingStreamEvents> implements IncomingStream {
  readonly endsWhenEmpty = false;
  readonly #incoming: IncomingTracks;

  private constructor(
    readonly connection: Connection,
    private readonly settings: PublishingSettings,
  ) {
    super();
    this.own(connection);
    this.#incoming = this.own(new IncomingTracks(connection, settings));
    this.#incoming.on('flowing', () => this.emit('flowing'));
    this.#incoming.on('renewing', (trackId) => this.emit('renewing', trackId));
    this.#incoming.on('changed', () => this.emit('changed'));
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

  get tracks(): readonly CopyTrack[] {
    return this.#incoming.tracks;
  }

  get channels(): readonly DataChannel[] {
    return this.connection.data?.clients ?? [];
  }

  get flowing(): boolean {
    return this.#incoming.flowing;
  }

  /**
   * Answers an offer of the client. `claim` runs once the offer is known to be good and before
   * anything is produced.
   *
   * @throws {SdpError} or {SluiceError}, and then the negotiation is as it was.
   */
  async negotiate(sdp: string, claim: () => Promise<void>, hints?: OfferHints): Promise<string> {
    const answer = await this.connection.answerOffer(
      sdp,
      async (offer) => {
        this.#check(offer);
        await claim();
      },
      (offer) => this.#take(offer),
      hints,
    );
    this.emit('changed');
    return answer;
  }

  #check(offer: OfferReceived): void {
    const known = this.tracks.length;
    const tracks = known - offer.removed.length + offer.added.length;
    checkTracks(tracks, this.settings.tracksMax);
    if (tracks === 0 && known === 0 && !offer.data) {
      throw new SluiceError('INVALID_ARGUMENT', 'the offer sends neither audio nor video nor data');
    }
  }

  async #take(offer: OfferReceived) {
    if (offer.data) await this.#openData();
    for (const mid of offer.removed) this.#incoming.remove(mid);
    const rejected = await this.#incoming.produce(offer.added);
    if (this.closed) throw connectionLost();
    if (rejected.size > 0 && this.tracks.length === 0) throw nothingReceivable();
    return { rejected };
  }

  async #openData(): Promise<void> {
    if (this.connection.data) return;
    const data = await this.connection.openData();
    data.on('opened', (channel) => this.emit('channel', channel));
    data.on('refused', (error) => this.emit('refused', error));
  }
}

/** @throws {SluiceError} TOO_LARGE. */
export function checkTracks(tracks: number, tracksMax: number): void {
  if (tracks <= tracksMax) return;
  throw new SluiceError('TOO_LARGE', `a stream has at most ${String(tracksMax)} tracks`);
}

export function nothingReceivable(): SluiceError {
  return new SluiceError('INVALID_ARGUMENT', 'none of the offered tracks can be received');
}
