import { SluiceError } from '@sluice/core';
import { mayEnter, type Grants, type Identity } from '@sluice/tokens';

/**
 * Checks what an identity may do. An administrator may do everything everywhere.
 *
 * @throws {SluiceError} PERMISSION_DENIED
 */
export function requireGrant(identity: Identity, grant: keyof Grants): void {
  if (identity.grants[grant] || identity.grants.admin) return;
  throw new SluiceError('PERMISSION_DENIED', `your token does not let you ${VERBS[grant]}`, {
    grant,
  });
}

/** @throws {SluiceError} PERMISSION_DENIED */
export function requireRoom(identity: Identity, room: string): void {
  if (identity.grants.admin || mayEnter(identity, room)) return;
  throw new SluiceError('PERMISSION_DENIED', 'your token is for another room');
}

/**
 * What runs goes on after a token expired, and can be ended; nothing new begins.
 *
 * @throws {SluiceError} UNAUTHENTICATED
 */
export function requireFresh(identity: Identity, nowS: number): void {
  if (nowS < identity.expiresAtS) return;
  throw new SluiceError('UNAUTHENTICATED', 'token expired');
}

const VERBS: Record<keyof Grants, string> = {
  publish: 'publish',
  subscribe: 'subscribe',
  host: 'host a room',
  admin: 'administer',
  create: 'open rooms',
  ingest: 'pull streams from elsewhere',
};
