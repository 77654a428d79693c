import { SluiceError, ingestAddress } from '@sluice/core';
import type { Identity } from '@sluice/tokens';
import type { Ingests } from '../ingests.js';
import type { Directory, IngestView } from '../ports.js';

/** A camera of the list of servers, and how it does. */
export interface Camera {
  readonly ingestId: string;
  /** As the list has it, without what may be secret. */
  readonly server: string;
  readonly state: IngestView['state'];
  readonly reason: string;
  readonly bitrateBps: number;
}

export interface CamerasOptions {
  readonly directory: Pick<Directory, 'ingests'>;
  readonly ingests: Pick<Ingests, 'create' | 'delete'>;
  /** A short name of a URL from which nothing of it can be read or guessed. */
  readonly nameOf: (url: string) => string;
  /** Where their streams go. */
  readonly room: string;
}

/** Tells ingests of the list from all others. */
const ID_PREFIX = 'umbrella-';

/**
 * The cameras of Umbrella's list of servers: ingests like any others, whose URLs nobody reads again.
 * What the list shows of one is its address, and by which name it is known here; whoever sends that
 * back means the one that is there.
 */
export class Cameras {
  constructor(private readonly options: CamerasOptions) {}

  /** @throws {SluiceError} UNAVAILABLE. */
  async list(): Promise<readonly Camera[]> {
    const all = await this.options.directory.ingests();
    return all
      .filter(({ ingestId, configured }) => ingestId.startsWith(ID_PREFIX) && !configured)
      .map(({ ingestId, address, state, reason, bitrateBps }) => {
        return { ingestId, server: `${address}/#${ingestId}`, state, reason, bitrateBps };
      });
  }

  /** @throws {SluiceError} as those of {@link Ingests}; called again with the same it goes on. */
  async replace(identity: Identity, wanted: readonly string[]): Promise<void> {
    const { ingests } = this.options;
    const known = await this.list();
    const kept = new Set<string>();
    const added = new Map<string, string>();
    for (const server of wanted) {
      const camera = known.find((one) => one.server === server);
      if (!camera && server.includes(`/#${ID_PREFIX}`)) {
        throw new SluiceError('NOT_FOUND', 'a camera is on the list no more: send its whole URL');
      }
      const ingestId = camera?.ingestId ?? `${ID_PREFIX}${this.options.nameOf(server)}`;
      if (known.some((one) => one.ingestId === ingestId)) kept.add(ingestId);
      else added.set(ingestId, server);
    }
    for (const [ingestId, url] of added) await ingests.create(identity, this.#wish(ingestId, url));
    for (const { ingestId } of known) {
      if (!kept.has(ingestId)) await ingests.delete(identity, ingestId);
    }
  }

  #wish(id: string, url: string) {
    const { host } = new URL(ingestAddress(url) ?? url);
    const participant = id.replace(ID_PREFIX, 'camera-');
    return { id, url, room: this.options.room, participant, name: host };
  }
}
