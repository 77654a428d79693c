import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { cpuSecondsWithEndedChildrenOf, machineCpu, withDescendants } from './cpu.js';

/** How much of one core others may use before figures mean nothing. */
const FOREIGN_CORES_MAX = 0.1;
const STEAL_MAX = 0.02;
const LOOK_MS = 2_000;

export interface Disturbance {
  /** Cores' worth of CPU that neither we nor what we started has used. */
  readonly foreignCores: number;
  /** Fraction of the machine's time that its host took away. */
  readonly steal: number;
}

/** Watches what others use of the machine while something is measured. */
export class ForeignLoad {
  readonly #startedAtMs = performance.now();
  readonly #machine = machineCpu();
  readonly #ownSeconds: number;

  /** @param roots the processes that are ours, with all that they started */
  constructor(private readonly roots: readonly number[]) {
    this.#ownSeconds = cpuSecondsWithEndedChildrenOf(withDescendants(roots));
  }

  soFar(): Disturbance {
    const seconds = (performance.now() - this.#startedAtMs) / 1_000;
    const machine = machineCpu();
    const busy = machine.busySeconds - this.#machine.busySeconds;
    const own = cpuSecondsWithEndedChildrenOf(withDescendants(this.roots)) - this.#ownSeconds;
    const stolen = machine.stolenSeconds - this.#machine.stolenSeconds;
    return {
      foreignCores: Math.max(0, (busy - own) / seconds),
      steal: stolen / (seconds * availableParallelism()),
    };
  }
}

export function isQuiet({ foreignCores, steal }: Disturbance): boolean {
  return foreignCores <= FOREIGN_CORES_MAX && steal <= STEAL_MAX;
}

/** Looks for two seconds. */
export async function lookForForeignLoad(roots: readonly number[]): Promise<Disturbance> {
  const load = new ForeignLoad(roots);
  await delay(LOOK_MS);
  return load.soFar();
}

export function describe({ foreignCores, steal }: Disturbance): string {
  return `others use ${foreignCores.toFixed(2)} of a core, ${(steal * 100).toFixed(1)} % is stolen`;
}
