import { SluiceError } from '@sluice/core';
import type { RemoteCandidate } from '@sluice/sdp';
import type { Connection } from './connection.js';

/** More than one side of a connection has; what comes beyond is of no use. */
const KEPT_MAX = 32;

interface Reached {
  readonly key: string;
  readonly connection: Connection;
}

/** Counts a client's candidates, passes them on to PeerConnections and keeps those that come before. */
export class TrickledCandidates {
  readonly #kept = new Map<string, RemoteCandidate[]>();

  #counted = 0;

  constructor(
    private readonly connections: () => readonly Reached[],
    private readonly countedMax: number,
  ) {}

  /** @throws {SluiceError} RATE_LIMITED past what a session may name in its life. */
  count(candidates: number): void {
    this.#counted += candidates;
    if (this.#counted > this.countedMax) {
      throw new SluiceError('RATE_LIMITED', 'too many ICE candidates');
    }
  }

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
