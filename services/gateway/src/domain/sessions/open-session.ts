import { SluiceError, hasCode, type Clock } from '@sluice/core';
import type { Identity } from '@sluice/tokens';
import { requireGrant } from '../access/permissions.js';
import type { Directory, Home, MediaNode, MediaNodes, Observer, SessionKind } from '../ports.js';
import { Session } from './session.js';

/** Nodes that are tried before the client is told that there is no room. */
const ATTEMPTS_MAX = 4;

export interface SessionPorts {
  readonly directory: Directory;
  readonly nodes: MediaNodes;
  readonly clock: Clock;
  readonly observer: Observer;
  /** A new unguessable id. */
  readonly newId: () => string;
  /** Whether only some may enter a room in which nobody is. */
  readonly roomsNeedCreator: boolean;
}

export interface SessionOwner {
  readonly connectionId: string;
  readonly identity: Identity;
  readonly room: string;
  /** The session of this member that the new one takes over from. */
  readonly replacesSessionId?: string | undefined;
  /** Seen by others as being in the room; true where nothing is said. */
  readonly present?: boolean | undefined;
  /** Nobody watches it: it lives while one of its PeerConnections does. */
  readonly unattended?: boolean | undefined;
  /** What the session is opened with beside that, where it is no client's. */
  readonly kind?: SessionKind | undefined;
}

/**
 * Opens a session where the directory places it; elsewhere when that node is full, draining or gone.
 * The caller owns it and calls `watch`.
 *
 * @throws {SluiceError} CAPACITY_EXHAUSTED, UNAVAILABLE and whatever no other node would mend.
 */
export async function openSession(
  owner: SessionOwner,
  excludeNodeIds: readonly string[],
  ports: SessionPorts,
): Promise<Session> {
  const { room, identity } = owner;
  await requireOpenRoom(owner, ports);
  return openSomewhere({ room, participant: identity.subject, excludeNodeIds }, ports, (home) =>
    openAt(home, owner, ports),
  );
}

/** A member that moves is no newcomer, even if its room looks empty: its node may have died. */
async function requireOpenRoom(owner: SessionOwner, ports: SessionPorts): Promise<void> {
  const { grants } = owner.identity;
  const mayOpen = !ports.roomsNeedCreator || grants.create || grants.admin;
  if (mayOpen || owner.replacesSessionId !== undefined) return;
  if ((await ports.directory.sessionsIn(owner.room)).length > 0) return;
  requireGrant(owner.identity, 'create');
}

/** Whom the directory is to place; the room is empty for who belongs to none yet. */
export interface Placement {
  readonly room: string;
  readonly participant: string;
  readonly excludeNodeIds: readonly string[];
}

/**
 * Has something opened where the directory places it, or elsewhere.
 *
 * @throws as {@link openSession}.
 */
export async function openSomewhere<T>(
  { room, participant, excludeNodeIds }: Placement,
  { directory }: Pick<SessionPorts, 'directory'>,
  openAt: (home: Home) => Promise<T>,
): Promise<T> {
  const excluded = [...excludeNodeIds];
  let lastError: unknown;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const home = await place(room, participant, excluded, directory, lastError);
    try {
      return await openAt(home);
    } catch (error) {
      if (!anotherMay(error)) throw error;
      lastError = error;
      excluded.push(home.nodeId);
    }
  }
  throw lastError;
}

async function place(
  room: string,
  participant: string,
  excluded: readonly string[],
  directory: Directory,
  lastError: unknown,
): Promise<Home> {
  try {
    return await directory.placeSession(room, participant, excluded);
  } catch (error) {
    // That no other node is left says less than why the one that was there did not take it.
    throw lastError !== undefined && hasCode(error, 'CAPACITY_EXHAUSTED') ? lastError : error;
  }
}

async function openAt(home: Home, owner: SessionOwner, ports: SessionPorts): Promise<Session> {
  const node = ports.nodes.at(home.grpcAddress);
  const sessionId = ports.newId();
  const { identity, room, connectionId, replacesSessionId } = owner;
  const { present = true, unattended = false } = owner;
  try {
    await node.openSession({
      sessionId,
      routerId: home.routerId,
      room,
      participant: identity.subject,
      username: identity.name,
      connectionId,
      grants: identity.grants,
      replacesSessionId,
      present,
      unattended,
      dials: owner.kind?.dials ?? false,
      publicationsMax: owner.kind?.publicationsMax ?? 0,
      tellsDemand: owner.kind?.tellsDemand ?? false,
    });
  } catch (error) {
    if (hasCode(error, 'DEADLINE_EXCEEDED', 'UNAVAILABLE')) abandon(node, sessionId, ports);
    throw error;
  }
  return new Session(sessionId, home, node, ports.clock);
}

/** Whether it was opened after all is unknown: it must not stay there beside the next one. */
function abandon(node: MediaNode, sessionId: string, { observer }: SessionPorts): void {
  node.closeSession(sessionId, 'opened elsewhere').catch((error: unknown) => {
    observer.trouble(error, 'abandoning a session');
  });
}

function anotherMay(error: unknown): boolean {
  const codes = [
    'CAPACITY_EXHAUSTED',
    'NODE_DRAINING',
    'UNAVAILABLE',
    'DEADLINE_EXCEEDED',
  ] as const;
  // NOT_FOUND: the router has gone since it was chosen.
  return error instanceof SluiceError && hasCode(error, ...codes, 'NOT_FOUND');
}
