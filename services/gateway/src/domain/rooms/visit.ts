import { Resource, SluiceError, isByHost, type ResourceEvents } from '@sluice/core';
import type { Identity } from '@sluice/tokens';
import { openSession, type SessionPorts } from '../sessions/open-session.js';
import type { SessionKind } from '../ports.js';
import type { Room, Rooms } from './room.js';
import type { Session } from '../sessions/session.js';

interface VisitEvents extends ResourceEvents {
  /** The session is over, or must go elsewhere; a client of these dialects begins again. */
  interrupted: [reason: string];
}

export interface VisitPorts extends SessionPorts {
  readonly rooms: Rooms;
}

export interface Visitor {
  readonly connectionId: string;
  readonly identity: Identity;
  readonly kind?: SessionKind | undefined;
}

/**
 * A client's place in one room in dialects that know no resuming: one session, which ends with the
 * signaling connection, and at once.
 */
export class Visit extends Resource<VisitEvents> {
  private constructor(
    readonly room: Room,
    readonly session: Session,
    private readonly leaveRoom: () => void,
    private readonly ports: VisitPorts,
  ) {
    super();
    session.on('move', ({ reason }) => this.emit('interrupted', reason));
    session.on('lost', (reason) => this.emit('interrupted', reason));
    session.on('takenOver', () => this.emit('interrupted', 'taken over'));
    room.on('nodeLost', this.#onNodeLost);
    session.watch();
  }

  /** @throws {SluiceError} when no node takes the session. */
  static async begin(roomName: string, visitor: Visitor, ports: VisitPorts): Promise<Visit> {
    const entered = ports.rooms.enter(roomName);
    const leave = () => entered.leave();
    try {
      const [session] = await Promise.all([
        openSession({ ...visitor, room: roomName }, [], ports),
        entered.room.refresh(),
      ]);
      return new Visit(entered.room, session, leave, ports);
    } catch (error) {
      leave();
      throw error;
    }
  }

  protected override release(reason: string): void {
    const { session, ports } = this;
    this.room.off('nodeLost', this.#onNodeLost);
    this.leaveRoom();
    if (session.closed) return;
    session.node.closeSession(session.sessionId, reason).catch((error: unknown) => {
      ports.observer.trouble(error, 'closing a session');
    });
    session.close(reason);
  }

  readonly #onNodeLost = (nodeId: string, bootId: string) => {
    const { home } = this.session;
    if (home.nodeId === nodeId && home.bootId === bootId) this.session.suspect();
  };
}

/** What the client is told of an interruption: whether to begin again. */
export function interruption(reason: string): SluiceError {
  if (isByHost(reason)) return new SluiceError('PERMISSION_DENIED', reason);
  return new SluiceError('UNAVAILABLE', `connect again: ${reason}`);
}
