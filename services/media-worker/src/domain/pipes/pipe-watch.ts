import type { Clock, Timer } from '@sluice/core';
import type { Pipe } from './pipe.js';

/** Signs of life of the far end of a pipe. */
export interface PipeSigns {
  /** When its packets were last seen to arrive. */
  readonly mediaAtMs: number;
  /** When its node last answered. */
  readonly controlAtMs: number;
}

export type PipeVerdict = 'lives' | 'ask' | 'silent';

const INTERVAL_MS = 300;
/** From then on the node is asked; a stream whose publisher is mute sends nothing either. */
const ASK_AFTER_MS = 400;
const SILENT_AFTER_MS = 1_000;
const ANSWER_MS = 800;
/** When this process itself stood still, what it missed says nothing. */
const STALLED_AFTER_MS = 3 * INTERVAL_MS;

/**
 * A parent whose control process stalls while its workers forward lives, and so does one that has
 * nothing to forward but answers. Only one that does neither is gone.
 */
export function judgePipe({ mediaAtMs, controlAtMs }: PipeSigns, nowMs: number): PipeVerdict {
  if (nowMs - Math.max(mediaAtMs, controlAtMs) > SILENT_AFTER_MS) return 'silent';
  return nowMs - mediaAtMs > ASK_AFTER_MS ? 'ask' : 'lives';
}

export interface PipeWatchOptions {
  /** Pipes over which packets are wanted from another node now. */
  readonly wanted: () => ReadonlySet<Pipe>;
  readonly receivedBytes: (pipe: Pipe) => Promise<number>;
  /** Rejects when the node at the far end does not answer in time. */
  readonly ask: (pipe: Pipe, deadlineMs: number) => Promise<void>;
  readonly onSilent: (pipe: Pipe) => void;
  readonly clock: Clock;
}

interface Watched extends PipeSigns {
  readonly bytes: number;
}

/** Notices when the far end of a pipe has gone without a word: a frozen host, a cut network. */
export class PipeWatch {
  readonly #watched = new Map<Pipe, Watched>();
  readonly #answeredAtMs = new Map<string, number>();
  readonly #asking = new Set<string>();
  readonly #timer: Timer;
  #looking = false;
  #lookedAtMs: number;

  constructor(private readonly options: PipeWatchOptions) {
    this.#lookedAtMs = options.clock.nowMs();
    this.#timer = options.clock.every(INTERVAL_MS, () => void this.look());
  }

  stop(): void {
    this.#timer.cancel();
  }

  async look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      await this.#look();
    } finally {
      this.#looking = false;
    }
  }

  async #look(): Promise<void> {
    const { wanted, clock } = this.options;
    const pipes = wanted();
    for (const pipe of this.#watched.keys()) if (!pipes.has(pipe)) this.#watched.delete(pipe);
    const startedAtMs = clock.nowMs();
    if (startedAtMs - this.#lookedAtMs > STALLED_AFTER_MS) this.#watched.clear();
    await Promise.all([...pipes].map((pipe) => this.#measure(pipe)));
    const nowMs = clock.nowMs();
    this.#lookedAtMs = nowMs;
    // The workers here were slow: the far end may have sent all the while.
    if (nowMs - startedAtMs > INTERVAL_MS) return;
    for (const [pipe, signs] of [...this.#watched]) this.#act(pipe, signs, nowMs);
  }

  async #measure(pipe: Pipe): Promise<void> {
    try {
      const bytes = await this.options.receivedBytes(pipe);
      const nowMs = this.options.clock.nowMs();
      const before = this.#watched.get(pipe);
      const controlAtMs = this.#answeredAtMs.get(pipe.far.grpcAddress) ?? 0;
      const mediaAtMs = before && bytes === before.bytes ? before.mediaAtMs : nowMs;
      this.#watched.set(pipe, { bytes, mediaAtMs, controlAtMs });
    } catch {
      // It closed meanwhile.
      this.#watched.delete(pipe);
    }
  }

  #act(pipe: Pipe, signs: PipeSigns, nowMs: number): void {
    const verdict = judgePipe(signs, nowMs);
    if (verdict === 'ask') void this.#ask(pipe);
    if (verdict !== 'silent') return;
    this.#watched.delete(pipe);
    this.options.onSilent(pipe);
  }

  /** One question for all pipes to a node. */
  async #ask(pipe: Pipe): Promise<void> {
    const { grpcAddress } = pipe.far;
    if (this.#asking.has(grpcAddress)) return;
    this.#asking.add(grpcAddress);
    try {
      await this.options.ask(pipe, ANSWER_MS);
      this.#answeredAtMs.set(grpcAddress, this.options.clock.nowMs());
    } catch {
      // Silence is what we look for.
      this.#answeredAtMs.delete(grpcAddress);
    } finally {
      this.#asking.delete(grpcAddress);
    }
  }
}
