import { Resource, SluiceError, notFound, type StreamName } from '@sluice/core';
import { RELAY_REASONS } from './relay-reasons.js';
import { FENCED } from './stream-claims.js';
import { Publication, type Answered, type PublicationContext } from './publication.js';

/** Everything that one session publishes, by purpose. Its methods run in the session's turn. */
export class Publications extends Resource {
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
  async publish(name: StreamName, sdp: string): Promise<Answered> {
    const known = this.find(name.purpose);
    if (known) return known.renegotiate(sdp);
    if (this.#byPurpose.size >= this.publicationsMax) {
      throw new SluiceError('RATE_LIMITED', 'a session cannot publish more streams');
    }
    const { publication, answer } = await Publication.open(this.context, name, sdp);
    this.own(publication);
    if (publication.closed) throw new SluiceError('UNAVAILABLE', 'the session has ended');
    this.#byPurpose.set(name.purpose, publication);
    publication.onClosed((reason) => {
      if (this.find(name.purpose) === publication) this.#byPurpose.delete(name.purpose);
      if (reason === FENCED && !this.closed) this.context.onFenced();
    });
    return { answer, tracks: [...publication.tracks] };
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
}
