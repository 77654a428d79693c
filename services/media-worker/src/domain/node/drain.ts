import type { Clock, Timer } from '@sluice/core';

/** What a drain does to a session. */
export interface DrainedSession {
  readonly moving: boolean;
  /** Asks its client to go elsewhere, within what `remainingMs` says whenever it is asked. */
  move(reason: string, remainingMs: () => number): void;
  /** Takes that back. */
  stay(): void;
  close(reason: string): void;
}

export interface DrainOptions {
  readonly clock: Clock;
  readonly sessions: () => readonly DrainedSession[];
  /** Whether clients that have moved are done with what they left here. */
  readonly settled: () => boolean;
  readonly reason: string;
  readonly deadlineMs: number;
}

/** Why a session ended that did not move in time. */
export const DRAINED = 'drained';

const TICK_MS = 20;
/** All that move open sessions elsewhere: no more than this, unless the deadline asks for it. */
const MOVES_PER_SECOND = 200;
/** The part of the deadline in which all are asked; the rest is for those asked last. */
const ASKING_SHARE = 0.5;

/** How many of `left` sessions to ask now, so that all are asked in `windowMs`. */
export function movesPerTick(left: number, windowMs: number): number {
  const usual = Math.ceil((MOVES_PER_SECOND * TICK_MS) / 1_000);
  if (windowMs <= TICK_MS) return left;
  return Math.min(left, Math.max(usual, Math.ceil((left * TICK_MS) / windowMs)));
}

/** Empties a node: asks its sessions to move, some at a time, and ends those left at the deadline. */
export class Drain {
  readonly #over = Promise.withResolvers<undefined>();
  #reason: string;
  #endMs = 0;
  #askedByMs = 0;
  #tick: Timer | undefined;
  #deadline: Timer | undefined;

  constructor(private readonly options: DrainOptions) {
    this.#reason = options.reason;
    this.#schedule(options.deadlineMs);
  }

  /** Resolves when nothing is left to wait for, at the latest at the deadline, or when cancelled. */
  get over(): Promise<undefined> {
    return this.#over.promise;
  }

  get remainingMs(): number {
    return Math.round(Math.max(0, this.#endMs - this.options.clock.nowMs()));
  }

  /** Another deadline, for those who were asked already as well. */
  renew(deadlineMs: number, reason: string): void {
    this.#reason = reason;
    this.#schedule(deadlineMs);
  }

  /** Whoever was not asked yet is not asked, and nobody is ended. */
  cancel(): void {
    this.#stop();
    for (const session of this.options.sessions()) session.stay();
  }

  /** To be called when a session has gone, or what it left. */
  look(): void {
    if (this.options.sessions().length === 0 && this.options.settled()) this.#stop();
  }

  #schedule(deadlineMs: number): void {
    const nowMs = this.options.clock.nowMs();
    this.#tick?.cancel();
    this.#deadline?.cancel();
    this.#endMs = nowMs + deadlineMs;
    this.#askedByMs = nowMs + deadlineMs * ASKING_SHARE;
    this.#deadline = this.options.clock.after(deadlineMs, () => this.#end());
    this.#tick = this.options.clock.every(TICK_MS, () => this.#ask());
    this.#ask();
    this.look();
  }

  #ask(): void {
    const { clock, sessions } = this.options;
    const left = sessions().filter(({ moving }) => !moving);
    const count = movesPerTick(left.length, this.#askedByMs - clock.nowMs());
    for (const session of left.slice(0, count)) {
      session.move(this.#reason, () => this.remainingMs);
    }
    if (count >= left.length) this.#tick?.cancel();
  }

  #end(): void {
    this.#stop();
    for (const session of this.options.sessions()) session.close(DRAINED);
  }

  #stop(): void {
    this.#tick?.cancel();
    this.#deadline?.cancel();
    this.#over.resolve(undefined);
  }
}
