import { DEFAULT_PURPOSE, SluiceError, ingestAddress, notFound } from '@sluice/core';
import { mayEnter, type Identity, type SecretBox } from '@sluice/tokens';
import { requireGrant, requireRoom } from './access/permissions.js';
import type { Directory, IngestView } from './ports.js';

/** What somebody wants to have pulled. */
export interface IngestWish {
  readonly id: string;
  /** With its credentials. */
  readonly url: string;
  readonly room: string;
  readonly participant?: string | undefined;
  readonly purpose?: string | undefined;
  readonly name?: string | undefined;
  readonly onDemand?: boolean | undefined;
  readonly region?: string | undefined;
}

/**
 * Streams that the cluster pulls from elsewhere, for whoever may have that done. A URL is sealed here,
 * before anything else sees it, and never said again.
 */
export class Ingests {
  constructor(
    private readonly directory: Pick<Directory, 'ingests' | 'createIngest' | 'deleteIngest'>,
    private readonly urls: Pick<SecretBox, 'close'>,
  ) {}

  /** Those of the rooms that `identity` may enter. @throws {SluiceError} PERMISSION_DENIED. */
  async list(identity: Identity): Promise<IngestView[]> {
    requireGrant(identity, 'ingest');
    const all = await this.directory.ingests();
    return all.filter(({ room }) => isTheirs(identity, room));
  }

  /** @throws {SluiceError} PERMISSION_DENIED, INVALID_ARGUMENT, ALREADY_EXISTS, UNAVAILABLE. */
  async create(identity: Identity, wish: IngestWish): Promise<void> {
    requireGrant(identity, 'ingest');
    requireRoom(identity, wish.room);
    const { id, url, room, purpose = DEFAULT_PURPOSE, onDemand = false, region = '' } = wish;
    const address = ingestAddress(url);
    if (address === undefined) {
      // Said without the URL: it has credentials.
      throw new SluiceError('INVALID_ARGUMENT', 'the URL is no rtsp or rtsps URL', { noun: 'url' });
    }
    const participant = wish.participant ?? id;
    const username = wish.name ?? participant;
    const stream = { room, participant, purpose };
    const definition = { ingestId: id, ...stream, username, address, onDemand, region };
    await this.directory.createIngest(definition, this.urls.close(url));
  }

  /** @throws {SluiceError} PERMISSION_DENIED, NOT_FOUND, INVALID_STATE, UNAVAILABLE. */
  async delete(identity: Identity, ingestId: string): Promise<void> {
    requireGrant(identity, 'ingest');
    const known = (await this.directory.ingests()).find((ingest) => ingest.ingestId === ingestId);
    // Of other rooms nobody is told that they have it.
    if (known && !isTheirs(identity, known.room)) throw notFound('ingest', ingestId);
    await this.directory.deleteIngest(ingestId);
  }
}

function isTheirs(identity: Identity, room: string): boolean {
  return identity.grants.admin || mayEnter(identity, room);
}
