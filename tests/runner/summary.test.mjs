import assert from 'node:assert/strict';
import { test } from 'node:test';

import { anyFailed, summary } from './summary.mjs';

const RESULTS = [
  { name: 'unit', durationMs: 1500, outcome: { passed: 3, failed: [], skipped: [] } },
  {
    name: 'e2e',
    durationMs: 90_000,
    outcome: { passed: 1, failed: ['broke'], skipped: [{ name: 'docker', reason: 'no engine' }] },
  },
];

test('the last line has the totals and nothing else', () => {
  assert.equal(summary(RESULTS).split('\n').at(-1), '4 passed, 1 failed, 1 skipped');
});

test('failures stand last, where a log that is cut still has them', () => {
  assert.match(summary(RESULTS), /no engine\n\nFailed:\n {2}e2e: broke\n\n4 passed/);
});

test('failures are named, and what was skipped with its reason', () => {
  assert.match(summary(RESULTS), /e2e: broke/);
  assert.match(summary(RESULTS), /docker\n {4}because: no engine/);
});

test('one failure anywhere fails the run', () => {
  assert.ok(anyFailed(RESULTS));
  assert.ok(!anyFailed([RESULTS[0]]));
});
