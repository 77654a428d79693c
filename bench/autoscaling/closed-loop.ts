import type { Random } from '@sluice/core';
import { HorizontalAutoscaler, type AutoscalerSpec } from './horizontal-autoscaler.js';
import { SimulatedFleet, type FleetOutcome } from './simulated-fleet.js';

/** How many participants there are at a second. */
export type Demand = (atS: number) => number;

export interface LoopOutcome extends FleetOutcome {
  readonly replicas: readonly number[];
  /** Times that it went the other way again within half an hour. */
  readonly flaps: number;
  readonly nodeHours: number;
}

const SYNC_S = 15;
const FLAP_S = 900;
/** Somebody changes rooms every second. */
const CHURN_EVERY_S = 1;

/** The autoscaler, the fleet that it scales, and whoever joins, second by second. */
export function runClosedLoop(
  spec: AutoscalerSpec,
  demand: Demand,
  lengthS: number,
  random: Random,
): LoopOutcome {
  const fleet = new SimulatedFleet(random, spec.minReplicas);
  const autoscaler = new HorizontalAutoscaler(spec);
  const replicas: number[] = [];
  for (let nowS = 1; nowS <= lengthS; nowS += 1) {
    fleet.tick(Math.round(demand(nowS)));
    if (nowS % CHURN_EVERY_S === 0) fleet.churn();
    if (nowS % SYNC_S === 0) {
      fleet.scaleTo(autoscaler.decide(nowS, fleet.replicas, fleet.pods()));
    }
    replicas.push(fleet.replicas);
  }
  const nodeHours = replicas.reduce((sum, count) => sum + count, 0) / 3_600;
  return { ...fleet.outcome, replicas, flaps: flapsOf(replicas), nodeHours };
}

/** Changes of direction that follow the last change sooner than load can have meant them. */
function flapsOf(replicas: readonly number[]): number {
  let flaps = 0;
  let last: { readonly atS: number; readonly up: boolean } | undefined;
  for (const [atS, count] of replicas.entries()) {
    const before = replicas[atS - 1] ?? count;
    if (count === before) continue;
    const up = count > before;
    if (last && last.up !== up && atS - last.atS < FLAP_S) flaps += 1;
    last = { atS, up };
  }
  return flaps;
}
