import type { Clock, Timer } from '@sluice/core';
import { RELAY_REASONS } from '../streams/relay-reasons.js';
import type { SessionTimings } from './session-bounds.js';

/** Why a session ended whose participant lives on in another one, or is about to. */
export const SESSION_REASONS = {
  moved: RELAY_REASONS.moved,
  workerLost: 'media worker lost',
} as const;

export interface LifespanContext {
  readonly clock: Clock;
  readonly timings: Pick<SessionTimings, 'graceMs' | 'connectMs'>;
  /** Nobody watches it, ever: it lives while one of its PeerConnections does. */
  readonly unattended: boolean;
  readonly attached: () => boolean;
  readonly publishes: () => boolean;
  readonly receives: () => boolean;
  /** Whether it has a PeerConnection, or may get one by what is under way. */
  readonly reachable: () => boolean;
  readonly close: (reason: string) => void;
}

/** When a session ends that nobody asks to. */
export class SessionLifespan {
  #grace: Timer | undefined;
  /** What is known of a session that has taken over a stream of this one. */
  #superseded: 'by its heir' | 'by some origin' | undefined;

  constructor(private readonly context: LifespanContext) {}

  /** Nobody watches it: somebody has to come, or a PeerConnection, within a time. */
  startGrace(): void {
    const { clock, timings, unattended, close } = this.context;
    this.endGrace();
    this.#grace = unattended
      ? clock.after(timings.connectMs, () => this.endUnattended())
      : clock.after(timings.graceMs, () => close('not resumed in time'));
  }

  endGrace(): void {
    this.#grace?.cancel();
  }

  supersede(by: 'by its heir' | 'by some origin'): void {
    this.#superseded = by;
    this.endWhenMoved();
  }

  /** Nobody needs it any more once all that it published is elsewhere and nothing is received. */
  endWhenMoved(): void {
    const { publishes, receives, attached, close } = this.context;
    if (!this.#superseded || publishes()) return;
    const idle = this.#superseded === 'by its heir' && !receives();
    if (idle || !attached()) close(SESSION_REASONS.moved);
  }

  /** Without a PeerConnection nobody can reach it any more. */
  endUnattended(): void {
    if (this.context.unattended && !this.context.reachable()) {
      this.context.close('connection over');
    }
  }
}
