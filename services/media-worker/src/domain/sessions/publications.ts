import {
  Resource,
  SluiceError,
  notFound,
  streamKey,
  type ResourceEvents,
  type StreamName,
} from '@sluice/core';
import type { IncomingTrack, Mid, OfferHints } from '@sluice/sdp';
import { connectionLost } from './connection.js';
import type { DuplexConnection, OfferedTracks } from './duplex-connection.js';
import type { IncomingStream } from './incoming-stream.js';
import { RELAY_REASONS } from '../streams/relay-reasons.js';
import { FENCED, type StreamClaim } from '../streams/stream-claims.js';
import { Publication, claimFor, type Answered, type PublicationContext } from './publication.js';

/** To which streams the tracks belong that an offer brings. */
export type StreamOf = (track: IncomingTrack) => StreamName;

export interface PublicationsEvents extends ResourceEvents {
  /** One of them has ended, however. */
  ended: [];
}

/** Everything that one session publishes, by purpose. Its methods run in the session's turn. */
export class Publications extends Resource<PublicationsEvents> {
  readonly #byPurpose = new Map<string, Publication>();

  constructor(
    private readonly context: PublicationContext,
    private readonly publicationsMax: number,
  ) {
    super();
  }

  get list(): readonly Publication[] {
    return [...this.#byPurpose.values()];
  }

  find(purpose: string): Publication | undefined {
    return this.#byPurpose.get(purpose);
  }

  /** @throws {SdpError} or {SluiceError}, and then all is as it was. */
  async publish(name: StreamName, sdp: string, hints?: OfferHints): Promise<Answered> {
    const known = this.find(name.purpose);
    if (known) return known.renegotiate(sdp, hints);
    this.#admit();
    const { publication, answer } = await Publication.open(this.context, name, sdp, hints);
    this.#add(publication);
    if (publication.closed) throw new SluiceError('UNAVAILABLE', 'the session has ended');
    return { answer, tracks: [...publication.tracks] };
  }

  /**
   * Answers an offer on a PeerConnection that carries several streams: those new to us are
   * published, those that come from another PeerConnection move over once this one flows.
   *
   * @throws {SdpError} or {SluiceError}, and then all is as it was.
   */
  async publishOn(
    connection: DuplexConnection,
    sdp: string,
    streamOf: StreamOf,
    { bringsTracks = false }: { readonly bringsTracks?: boolean } = {},
  ): Promise<Answered> {
    const claims = new Map<string, StreamClaim>();
    let planned = new Map<Mid, StreamName>();
    try {
      const answer = await connection.negotiate(sdp, async ({ tracks }: OfferedTracks) => {
        if (bringsTracks && tracks.length === 0) {
          throw new SluiceError('INVALID_ARGUMENT', 'the offer brings no new tracks');
        }
        planned = new Map(tracks.map((track) => [track.mid, streamOf(track)]));
        for (const name of namesIn(planned)) {
          if (this.find(name.purpose)) continue;
          this.#admit(claims.size);
          claims.set(streamKey(name), await claimFor(this.context, name));
        }
        return new Map([...planned].map(([mid, name]) => [mid, streamKey(name)]));
      });
      const names = namesIn(planned);
      for (const name of names) this.#feed(name, connection, claims.get(streamKey(name)));
      const tracks = names.flatMap(({ purpose }) => this.find(purpose)?.tracks ?? []);
      return { answer, tracks };
    } catch (error) {
      for (const claim of claims.values()) claim.close();
      throw error;
    }
  }

  /**
   * Publishes what arrives otherwise than from a client; closes it when that fails.
   *
   * @throws {SluiceError} ALREADY_EXISTS, UNAVAILABLE.
   */
  async publishIncoming(name: StreamName, stream: IncomingStream): Promise<Publication> {
    this.#admit();
    const claim = await claimFor(this.context, name);
    if (this.closed || stream.closed) {
      claim.close();
      throw connectionLost();
    }
    const publication = new Publication(this.context, claim, stream);
    this.#add(publication);
    return publication;
  }

  /** The same, or in place of what the stream comes from now. */
  async feed(name: StreamName, stream: IncomingStream): Promise<void> {
    const known = this.find(name.purpose);
    if (known) known.continueOn(stream);
    else await this.publishIncoming(name, stream);
  }

  /** @throws {SluiceError} NOT_FOUND. */
  get(purpose: string): Publication {
    const publication = this.find(purpose);
    if (!publication) throw notFound('publication', purpose);
    return publication;
  }

  /** The streams go on elsewhere; those who watch them here are fed a little longer. */
  handOver(): void {
    for (const publication of this.list) publication.close(RELAY_REASONS.moved);
  }

  /** Idempotent. */
  unpublish(purpose: string): void {
    this.find(purpose)?.close();
  }

  #admit(more = 0): void {
    if (this.#byPurpose.size + more < this.publicationsMax) return;
    throw new SluiceError('RATE_LIMITED', 'a session cannot publish more streams');
  }

  #add(publication: Publication): void {
    const { purpose } = publication.name;
    this.own(publication);
    if (publication.closed) return;
    this.#byPurpose.set(purpose, publication);
    publication.onClosed((reason) => {
      if (this.find(purpose) === publication) this.#byPurpose.delete(purpose);
      if (this.closed) return;
      if (reason === FENCED) this.context.onFenced();
      this.emit('ended');
      this.context.onEnded();
    });
  }

  #feed(name: StreamName, connection: DuplexConnection, claim: StreamClaim | undefined): void {
    const stream = connection.find(streamKey(name));
    const known = this.find(name.purpose);
    if (!stream || stream.tracks.length === 0) claim?.close();
    else if (claim?.closed === false) this.#add(new Publication(this.context, claim, stream));
    // Ended while its tracks were negotiated.
    else if (!known) stream.close('not published');
    else if (!known.isFedBy(stream)) known.continueOn(stream);
  }
}

function namesIn(planned: ReadonlyMap<Mid, StreamName>): StreamName[] {
  return [...new Map([...planned.values()].map((name) => [streamKey(name), name])).values()];
}
