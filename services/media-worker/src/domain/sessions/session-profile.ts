import type { Serial, SessionId } from '@sluice/core';
import type { Grants } from '@sluice/tokens';

/** Who a session is for. */
export interface SessionProfile {
  readonly sessionId: SessionId;
  readonly room: string;
  readonly participant: string;
  readonly username: string;
  /** The signaling connection that opened it. */
  readonly connectionId: string;
  readonly grants: Pick<Grants, 'publish' | 'subscribe'>;
  /** The session of the same participant that this one takes over from. */
  readonly replacesSessionId?: SessionId;
  /** Nobody watches it: it lives while one of its PeerConnections does. */
  readonly unattended?: boolean;
  /** Its PeerConnections are with a server that we called, which may only answer checks. */
  readonly dials?: boolean;
  /** Where it brings more streams than a client does. */
  readonly publicationsMax?: number;
  /** Its client is told of which of its streams anybody wants packets. */
  readonly tellsDemand?: boolean;
}

export interface SessionStart {
  /** Whether its participant is shown in the room. */
  readonly present: boolean;
  /** Shared by the sessions that share a PeerConnection. */
  readonly turn?: Serial | undefined;
}
