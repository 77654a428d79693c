import { setTimeout as delay } from 'node:timers/promises';
import type { AddressSource } from '../domain/node/announced-address.js';
import type { Log } from '../domain/ports.js';
import { askCloud } from './cloud-metadata.js';
import { askStun } from './stun-client.js';

/** A host's network may come up after us. */
const ATTEMPTS = 10;
const RETRY_MS = 1_000;

/**
 * The address that clients are told, said in the log with where it comes from. Undefined for none.
 *
 * @throws {SluiceError} UNAVAILABLE when it cannot be found: nobody could send media here.
 */
export async function findAddress(
  source: AddressSource | undefined,
  log: Log,
): Promise<string | undefined> {
  if (!source) return undefined;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const address = await ask(source);
      log.info({ address, source: source.kind }, 'address for clients');
      return address;
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      log.warn({ err: error, source: source.kind }, 'address for clients not found yet');
      await delay(RETRY_MS);
    }
  }
}

function ask(source: AddressSource): Promise<string> | string {
  switch (source.kind) {
    case 'given':
      return source.address;
    case 'stun':
      return askStun(source.host, source.port);
    case 'cloud':
      return askCloud(source.cloud);
  }
}
