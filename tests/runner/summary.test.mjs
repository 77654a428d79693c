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
  assert.equal(summary(RESULTS, 91_000).split('\n').at(-1), '4 passed, 1 failed, 1 skipped');
});

test('failures stand last, where a log that is cut still has them', () => {
  assert.match(summary(RESULTS, 91_000), /no engine\)\n\nFailed:\n {2}e2e: broke\n\n4 passed/);
});

test('failures are named, and what was skipped with its reason', () => {
  assert.match(summary(RESULTS, 91_000), /e2e: broke/);
  assert.match(summary(RESULTS, 91_000), /e2e\n {4}docker \(no engine\)/);
});

test('what a group skips for one reason stands on one line', () => {
  const skipped = [
    { name: 'a.ts > one > red', reason: 'no paint' },
    { name: 'a.ts > one > dry', reason: 'it rains' },
    { name: 'a.ts > one > blue', reason: 'no paint' },
    { name: 'a.ts > two > red', reason: 'no paint' },
  ];
  const results = [{ name: 'e2e', durationMs: 1, outcome: { passed: 0, failed: [], skipped } }];
  const lines = [
    'Skipped:',
    '  e2e: a.ts > one',
    '    red, blue (no paint)',
    '    dry (it rains)',
    '  e2e: a.ts > two',
    '    red (no paint)',
  ];

  assert.ok(summary(results, 1).includes(`\n${lines.join('\n')}\n\n`));
});

test('the time of all is that of the clock, as suites run side by side', () => {
  assert.match(summary(RESULTS, 91_000), /e2e +90\.0 s.*\nall +91\.0 s\n/);
});

test('one failure anywhere fails the run', () => {
  assert.ok(anyFailed(RESULTS));
  assert.ok(!anyFailed([RESULTS[0]]));
});
