import type { Clock, Timer } from '@sluice/core';
import { inSpan, openSpan, tracing, type OpenSpan } from '@sluice/tracing';
import type { RequestScope } from '../domain/ports.js';

/** A client that asks for nothing for so long has joined. */
const JOINED_AFTER_MS = 5_000;
const JOIN_MAX_MS = 30_000;

/**
 * The spans of one client's requests. Those with which it joins, from the first on, make one trace,
 * however many messages they take; later ones are traces of their own, linked to it.
 */
export class JoinSpans {
  #join: OpenSpan | undefined;
  #joined: Timer | undefined;
  #running = 0;
  #startedMs = 0;
  /** By the wall clock, as spans are. */
  #lastEndedAtMs = 0;

  constructor(private readonly clock: Clock) {}

  readonly inRequest: RequestScope = async (type, work) => {
    if (!tracing.on) return work();
    const join = (this.#join ??= this.#start());
    this.#joined?.cancel();
    this.#running += 1;
    try {
      return await join.run(() => inSpan({ name: type, kind: 'server' }, work));
    } finally {
      this.#running -= 1;
      this.#lastEndedAtMs = Date.now();
      if (this.#running === 0) this.#endWhenQuiet(join);
    }
  };

  #start(): OpenSpan {
    this.#startedMs = this.clock.nowMs();
    return openSpan({ name: 'join' });
  }

  #endWhenQuiet(join: OpenSpan): void {
    const end = () => join.end(undefined, this.#lastEndedAtMs);
    if (this.clock.nowMs() - this.#startedMs >= JOIN_MAX_MS) end();
    else this.#joined = this.clock.after(JOINED_AFTER_MS, end);
  }
}
