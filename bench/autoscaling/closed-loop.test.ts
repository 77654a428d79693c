import { describe, expect, test } from 'vitest';
import { seededRandom } from '@sluice/testing';
import { runClosedLoop } from './closed-loop.js';
import { RAMP_LENGTH_S, chartSpec, loadRamp } from './load-ramp.js';
import { podsToDelete } from './replica-set.js';

const LOAD_TARGET = 0.55;

describe.each([1, 2])('a day of four hours, seed %i', (seed) => {
  const random = seededRandom(seed);
  const outcome = runClosedLoop(chartSpec(LOAD_TARGET), loadRamp(random), RAMP_LENGTH_S, random);

  test('nodes come with the load and go with it, and never go and come in turn', () => {
    const { replicas, flaps } = outcome;
    expect(Math.max(...replicas)).toBeGreaterThan(20);
    expect(replicas.at(-1)).toBeLessThan(Math.max(...replicas) / 3);
    expect(flaps).toBe(0);
  });

  test('nobody is refused, and no session ends because a node goes', () => {
    const { refused, lost, moved } = outcome;
    expect({ refused, lost }).toEqual({ refused: 0, lost: 0 });
    expect(moved).toBeGreaterThan(0);
  });

  test('it is always the emptiest pod that goes', () => {
    const { deletions } = outcome;
    expect(deletions.length).toBeGreaterThan(10);
    const wrong = deletions.filter(({ sessions, fewestKept }) => sessions > fewestKept);
    expect(wrong).toEqual([]);
  });
});

test('a ReplicaSet deletes what does not run yet, then the cheapest, then the youngest', () => {
  const pod = (name: string, fields: object = {}) => ({
    name,
    phase: 'Running' as const,
    ready: true,
    deletionCost: 5,
    createdAtS: 0,
    ...fields,
  });
  const pods = [
    pod('old'),
    pod('young', { createdAtS: 60 }),
    pod('cheap', { deletionCost: 1 }),
    pod('unready', { ready: false, deletionCost: 9 }),
    pod('pending', { phase: 'Pending', ready: false, deletionCost: 9 }),
  ];
  const names = podsToDelete(pods, 4).map(({ name }) => name);
  expect(names).toEqual(['pending', 'unready', 'cheap', 'young']);
});
