import type { RemoteCandidate } from '@sluice/sdp';
import type { Connection } from './connection.js';

/** More than one side of a connection has; what comes beyond is of no use. */
const KEPT_MAX = 32;

interface Reached {
  readonly key: string;
  readonly connection: Connection;
}

/** Passes candidates on to PeerConnections, and keeps those that come before them. */
export class TrickledCandidates {
  readonly #kept = new Map<string, RemoteCandidate[]>();

  constructor(private readonly connections: () => readonly Reached[]) {}

  add(connectionKey: string, candidate: RemoteCandidate): void {
    const kept = this.#kept.get(connectionKey) ?? [];
    if (kept.length < KEPT_MAX) this.#kept.set(connectionKey, [...kept, candidate]);
    this.pass(connectionKey);
  }

  /** To the PeerConnection of that key, if there is one by now. */
  pass(connectionKey: string): void {
    const reached = this.connections().find(({ key }) => key === connectionKey);
    if (!reached) return;
    for (const candidate of this.#kept.get(connectionKey) ?? []) {
      reached.connection.addCandidate(candidate);
    }
    this.#kept.delete(connectionKey);
  }
}
