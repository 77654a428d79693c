import { inSpan, openSpan, type OpenSpan } from './spans.js';
import { tracing } from './switch.js';

/** A client that asks for nothing for so long has joined. */
const JOINED_AFTER_MS = 5_000;
const JOIN_MAX_MS = 30_000;

/** As `Clock` of @sluice/core. */
export interface SpanClock {
  nowMs(): number;
  after(delayMs: number, task: () => void): { cancel(): void };
}

/**
 * The spans of one client's requests. Those with which it joins, from the first on, make one trace,
 * however many messages they take; later ones are traces of their own, linked to it.
 */
export class JoinSpans {
  #join: OpenSpan | undefined;
  #joined: { cancel(): void } | undefined;
  #running = 0;
  #startedMs = 0;
  /** By the wall clock, as spans are. */
  #lastEndedAtMs = 0;

  constructor(private readonly clock: SpanClock) {}

  /** That of a client whose joining began with what runs now, such as a call that made it. */
  static begun(clock: SpanClock): JoinSpans {
    const spans = new JoinSpans(clock);
    if (tracing.on) spans.#begin();
    return spans;
  }

  /** Runs one request; `type` is from a closed set. */
  readonly inRequest = async <T>(type: string, work: () => Promise<T> | T): Promise<T> => {
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

  #begin(): void {
    const join = (this.#join = this.#start());
    this.#lastEndedAtMs = Date.now();
    // Its first request comes when it has connected, if it ever does.
    this.#joined = this.clock.after(JOIN_MAX_MS, () => this.#end(join));
  }

  #start(): OpenSpan {
    this.#startedMs = this.clock.nowMs();
    return openSpan({ name: 'join' });
  }

  #endWhenQuiet(join: OpenSpan): void {
    if (this.clock.nowMs() - this.#startedMs >= JOIN_MAX_MS) this.#end(join);
    else this.#joined = this.clock.after(JOINED_AFTER_MS, () => this.#end(join));
  }

  #end(join: OpenSpan): void {
    join.end(undefined, this.#lastEndedAtMs);
  }
}
