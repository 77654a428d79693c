import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  HorizontalAutoscaler,
  replicasFor,
  type AutoscalerSpec,
  type ScaledPod,
} from './horizontal-autoscaler.js';

const TARGET = 0.5;
const at = (load: number): ScaledPod => ({
  phase: 'Running',
  deleting: false,
  metrics: { load },
});
const PENDING: ScaledPod = { phase: 'Pending', deleting: false, metrics: {} };
const MUTE: ScaledPod = { phase: 'Running', deleting: false, metrics: {} };

const pods = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }).map(at) },
    fc.constant(PENDING),
    fc.constant(MUTE),
  ),
  { minLength: 1, maxLength: 40 },
);

const replicas = (all: readonly ScaledPod[]) => replicasFor('load', TARGET, all.length, all);

describe('the ratio', () => {
  test('is of the average to the target, rounded up', () => {
    expect(replicas([at(1), at(0.6), at(0.5)])).toBe(5);
    expect(replicas([at(0.1), at(0.1), at(0.1), at(0.1)])).toBe(1);
  });

  test('changes nothing within a tenth of the target', () => {
    expect(replicas([at(0.54), at(0.54)])).toBe(2);
    expect(replicas([at(0.46), at(0.46)])).toBe(2);
    expect(replicas([at(0.56), at(0.56)])).toBe(3);
  });

  test('is not asked for when nothing is known', () => {
    expect(replicas([MUTE, PENDING])).toBeUndefined();
  });
});

describe('pods of which nothing is known', () => {
  test('count as idle when more are wanted: those that start are waited for', () => {
    expect(replicas([at(1), at(1)])).toBe(4);
    expect(replicas([at(1), at(1), PENDING, PENDING])).toBe(4);
    expect(replicas([at(0.8), PENDING])).toBe(2);
  });

  test('count as at the target when fewer are wanted', () => {
    expect(replicas([at(0.1), at(0.1)])).toBe(1);
    expect(replicas([at(0.1), at(0.1), MUTE, MUTE])).toBe(3);
  });

  test('and that are about to go are left out', () => {
    const leaving = { ...at(0), deleting: true };
    expect(replicasFor('load', TARGET, 2, [at(0.5), at(0.5), leaving])).toBe(2);
  });

  test('never turn a rise into a fall, nor make a change larger', () => {
    fc.assert(
      fc.property(pods, (all) => {
        const known = all.filter(({ metrics }) => 'load' in metrics);
        const wanted = replicas(all);
        if (known.length === 0) return wanted === undefined;
        const loads = known.map(({ metrics }) => metrics['load'] ?? 0);
        const ratio = loads.reduce((sum, load) => sum + load, 0) / loads.length / TARGET;
        if (ratio > 1) return wanted !== undefined && wanted >= all.length;
        return wanted !== undefined && wanted <= all.length;
      }),
    );
  });
});

const SPEC: AutoscalerSpec = {
  minReplicas: 2,
  maxReplicas: 20,
  targets: { load: TARGET },
  behavior: {
    scaleUp: {
      stabilizationWindowSeconds: 0,
      policies: [
        { type: 'Pods', value: 2, periodSeconds: 60 },
        { type: 'Percent', value: 50, periodSeconds: 60 },
      ],
    },
    scaleDown: {
      stabilizationWindowSeconds: 600,
      policies: [{ type: 'Pods', value: 1, periodSeconds: 300 }],
    },
  },
};

/** What becomes of the replicas when all pods always have the load of that moment. */
function course(loads: readonly number[], start: number, spec = SPEC): number[] {
  const autoscaler = new HorizontalAutoscaler(spec);
  const counts = [start];
  for (const [index, load] of loads.entries()) {
    const current = counts.at(-1) ?? start;
    const all = Array<ScaledPod>(current).fill(at(load));
    counts.push(autoscaler.decide((index + 1) * 15, current, all));
  }
  return counts;
}

const loads = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
  minLength: 1,
  maxLength: 160,
});
const starts = fc.integer({ min: 2, max: 20 });

describe('behaviour', () => {
  test('rises by the larger policy, and no more in its period', () => {
    expect(course([1, 1, 1, 1, 1], 4).slice(1)).toEqual([6, 6, 6, 6, 9]);
    expect(course([1], 10)[1]).toBe(15);
  });

  test('falls only after the window, then by one in five minutes', () => {
    const counts = course([0.5, ...Array<number>(100).fill(0)], 10);
    const falls = counts.flatMap((count, index) =>
      count < (counts[index - 1] ?? count) ? [index * 15] : [],
    );
    expect(falls).toEqual([615, 915, 1_215, 1_515]);
  });

  test('stays within its bounds, whatever the load', () => {
    fc.assert(
      fc.property(loads, starts, (all, start) =>
        course(all, start).every((count) => count >= 2 && count <= 20),
      ),
    );
  });

  test('adds no more in any minute, and takes no more in any five, than the policies allow', () => {
    fc.assert(
      fc.property(loads, starts, (all, start) => {
        const counts = course(all, start);
        return counts.every((count, index) => {
          const before = counts[index - 1] ?? count;
          const minuteAgo = counts[Math.max(0, index - 4)] ?? count;
          const fiveAgo = counts[Math.max(0, index - 20)] ?? count;
          if (count > before) return count <= Math.max(minuteAgo + 2, Math.ceil(minuteAgo * 1.5));
          return count === before || count >= fiveAgo - 1;
        });
      }),
    );
  });

  test('does not fall within the window of a moment that wanted what there is', () => {
    fc.assert(
      fc.property(loads, starts, (all, start) => {
        const counts = course(all, start);
        return counts.every((count, index) => {
          const before = counts[index - 1] ?? count;
          if (count >= before) return true;
          // The 600 seconds up to this decision; each of them wanted fewer.
          const window = all.slice(Math.max(0, index - 40), index);
          return window.every((load) => load < TARGET * 1.1);
        });
      }),
    );
  });

  test('the metric that wants most decides, and one that is missing forbids a fall', () => {
    const both = { ...SPEC, targets: { load: TARGET, sessions: 100 } };
    const pod: ScaledPod = { ...at(0.5), metrics: { load: 0.5, sessions: 150 } };
    expect(new HorizontalAutoscaler(both).decide(15, 4, [pod, pod, pod, pod])).toBe(6);
    const idle = Array<ScaledPod>(4).fill(at(0));
    expect(new HorizontalAutoscaler(both).decide(15, 4, idle)).toBe(4);
  });
});
