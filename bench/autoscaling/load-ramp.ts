import type { Random } from '@sluice/core';
import type { AutoscalerSpec } from './horizontal-autoscaler.js';
import type { Demand } from './closed-loop.js';

const MINUTE_S = 60;
const QUIET = 60;
const BUSY = 600;
/** A quiet quarter of an hour, a rise, an hour of much, a fall, and an hour of little. */
/** Somebody is first. */
const FILL_S = 5 * MINUTE_S;
const RISE_FROM_S = 15 * MINUTE_S;
const RISE_TO_S = 55 * MINUTE_S;
const FALL_FROM_S = 115 * MINUTE_S;
const FALL_TO_S = 155 * MINUTE_S;
export const RAMP_LENGTH_S = 240 * MINUTE_S;
const WAVE_S = 7 * MINUTE_S;
const WAVE = 0.06;

/** A working day in four hours, with waves of some per cent and noise on it. */
export function loadRamp(random: Random): Demand {
  return (atS) => {
    const wave = 1 + WAVE * Math.sin((2 * Math.PI * atS) / WAVE_S) + 0.02 * (random() - 0.5);
    return trend(atS) * wave;
  };
}

/** The behaviour that the chart sets for media nodes; a test compares them. */
export function chartSpec(loadTarget: number): AutoscalerSpec {
  return {
    minReplicas: 2,
    maxReplicas: 40,
    targets: { load: loadTarget },
    behavior: {
      scaleUp: {
        stabilizationWindowSeconds: 0,
        policies: [
          { type: 'Pods', value: 2, periodSeconds: 60 },
          { type: 'Percent', value: 50, periodSeconds: 60 },
        ],
      },
      scaleDown: {
        stabilizationWindowSeconds: 900,
        policies: [
          { type: 'Pods', value: 1, periodSeconds: 300 },
          { type: 'Percent', value: 10, periodSeconds: 300 },
        ],
      },
    },
  };
}

function trend(atS: number): number {
  if (atS < FILL_S) return between(0, QUIET, atS / FILL_S);
  if (atS < RISE_FROM_S || atS >= FALL_TO_S) return QUIET;
  if (atS < RISE_TO_S) return between(QUIET, BUSY, (atS - RISE_FROM_S) / (RISE_TO_S - RISE_FROM_S));
  if (atS < FALL_FROM_S) return BUSY;
  return between(BUSY, QUIET, (atS - FALL_FROM_S) / (FALL_TO_S - FALL_FROM_S));
}

function between(from: number, to: number, share: number): number {
  return from + (to - from) * share;
}
