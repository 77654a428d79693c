import type { Clock } from '@sluice/core';

/** A process of which can be asked how much CPU time it has used so far. */
export interface CpuUser {
  readonly routerId: string;
  cpuTimeMs(): Promise<number>;
}

interface Sample {
  readonly atMs: number;
  readonly cpuTimeMs: number;
}

/** How much of one CPU each process used between two measurements. */
export class CpuShares {
  #samples: ReadonlyMap<string, Sample> = new Map();

  constructor(private readonly clock: Clock) {}

  /** Shares by router id, 0 to 1; 0 for one that was not there before. A dying one is left out. */
  async measure(users: readonly CpuUser[]): Promise<ReadonlyMap<string, number>> {
    const before = this.#samples;
    const samples = await Promise.all(users.map((user) => this.#sample(user)));
    this.#samples = new Map(samples.filter((entry) => entry !== undefined));
    return new Map(
      [...this.#samples].map(([routerId, now]) => [routerId, shareOf(before.get(routerId), now)]),
    );
  }

  async #sample(user: CpuUser): Promise<[string, Sample] | undefined> {
    try {
      const cpuTimeMs = await user.cpuTimeMs();
      return [user.routerId, { atMs: this.clock.nowMs(), cpuTimeMs }];
    } catch {
      // Its worker died while we asked; the next report is without it.
      return undefined;
    }
  }
}

function shareOf(before: Sample | undefined, now: Sample): number {
  if (!before || now.atMs <= before.atMs) return 0;
  const share = (now.cpuTimeMs - before.cpuTimeMs) / (now.atMs - before.atMs);
  return Math.min(1, Math.max(0, share));
}
