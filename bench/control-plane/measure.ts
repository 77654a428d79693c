import { startPlain, startTwoNodes } from '../systems.js';
import { measureIdleMemory, type IdleMemory } from './idle-memory.js';
import { measureJoinRates, type JoinRates } from './join-rate.js';
import { measureLookups, type Lookups } from './lookups.js';

export interface ControlPlane {
  /** Undefined when something else used the machine meanwhile. */
  readonly joins: JoinRates | undefined;
  readonly lookups: Lookups;
  readonly idle: IdleMemory;
}

export interface Conduct {
  /** Takes figures on a busy machine as well, to see that it works. */
  readonly evenIfDisturbed: boolean;
  readonly say: (line: string) => void;
}

const JOIN_PLAN = {
  rooms: 40,
  stepMs: 3_000,
  latencyMaxMs: 500,
  first: { from: 16, max: 2_000, factor: 1.6, halvings: 2 },
  repeats: 1,
};
const LOOKUP_PLAN = { streams: 50, pairs: 5, inTurn: 1_000, atOnce: 64, windowMs: 1_000 };
const IDLE_PLAN = { sessions: 4_000, perRoom: 4 };

export async function measureControlPlane(
  conduct: Conduct,
  joinsFrom = JOIN_PLAN.first.from,
): Promise<ControlPlane> {
  const { say } = conduct;
  say('memory of idle sessions');
  const idle = await measureIdleMemory(IDLE_PLAN);
  const { cluster, system: sluice } = await startTwoNodes();
  const plain = await startPlain();
  try {
    say('looking up streams');
    const lookups = await measureLookups(cluster, LOOKUP_PLAN);
    say('joining as often as can be');
    const first = { ...JOIN_PLAN.first, from: joinsFrom };
    const joins = await measureJoinRates({ sluice, plain }, { ...JOIN_PLAN, first, ...conduct });
    return { joins, lookups, idle };
  } finally {
    await plain.stop();
    await cluster.stop();
  }
}
