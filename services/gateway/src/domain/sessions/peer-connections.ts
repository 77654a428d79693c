import type { Session } from './session.js';

/** A client has a handful at once; what is forgotten is taken for new. */
const REMEMBERED_MAX = 1_024;

/**
 * Which session each of the client's PeerConnections belongs to, by the session id in the `o=` line
 * of its SDP: the same for all descriptions of one PeerConnection, and another for the next.
 */
export class PeerConnections {
  readonly #sessions = new Map<string, Session>();

  /** The session that has seen SDP of this PeerConnection before. */
  sessionOf(sdp: string): Session | undefined {
    const id = originOf(sdp);
    return id === undefined ? undefined : this.#sessions.get(id);
  }

  belongs(sdp: string, session: Session): void {
    const id = originOf(sdp);
    if (id === undefined) return;
    this.#sessions.delete(id);
    this.#sessions.set(id, session);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > REMEMBERED_MAX && oldest !== undefined) this.#sessions.delete(oldest);
  }
}

function originOf(sdp: string): string | undefined {
  return /^o=\S{1,256} (\d{1,32}) /m.exec(sdp)?.[1];
}
