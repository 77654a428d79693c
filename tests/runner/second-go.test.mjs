import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ofTwoGoes, withSecondGo } from './second-go.mjs';

const FIRST = {
  passed: 5,
  failed: ['a.ts > one\n    because: late', 'a.ts > two\n    because: dark'],
  skipped: [],
  failedFiles: ['a.ts'],
};

test('what fails in both goes has failed, and what fails in one is unsteady', () => {
  const second = { passed: 1, failed: ['a.ts > two\n    because: cold'], skipped: [] };
  const outcome = ofTwoGoes(FIRST, second);

  assert.deepEqual(outcome.failed, ['a.ts > two\n    because: cold']);
  assert.deepEqual(outcome.unsteady, ['a.ts > one\n    because: late']);
  assert.equal(outcome.passed, 6);
});

test('what passed before and fails in the second go is unsteady, and counted once', () => {
  const outcome = ofTwoGoes(FIRST, { passed: 2, failed: ['a.ts > zero'], skipped: [] });

  assert.deepEqual(outcome.failed, []);
  assert.deepEqual(outcome.unsteady, [...FIRST.failed, 'a.ts > zero']);
  assert.equal(outcome.passed, 7);
});

test('a second go in which nothing passes excuses nothing', () => {
  assert.deepEqual(ofTwoGoes(FIRST, { passed: 0, failed: ['as a whole'], skipped: [] }), FIRST);
});

const played = [];
const SUITES = new Map([
  [
    'e2e',
    {
      name: 'e2e',
      runFiles: (env, files) => {
        played.push(...files);
        return Promise.resolve({ passed: 2, failed: [], skipped: [] });
      },
    },
  ],
  ['unit', { name: 'unit' }],
]);

const resultOf = (name, failedFiles) => ({
  name,
  durationMs: 1,
  outcome: { ...FIRST, failedFiles },
});

test('only files of suites that play in real time are played again', async () => {
  const results = [resultOf('unit', ['u.ts']), resultOf('e2e', ['a.ts'])];
  const [unit, e2e] = await withSecondGo(results, SUITES, {});

  assert.deepEqual(played.splice(0), ['a.ts']);
  assert.equal(unit.outcome.failed.length, 2);
  assert.equal(e2e.outcome.failed.length, 0);
  assert.equal(e2e.outcome.unsteady.length, 2);
});

test('where much fails nothing is played again', async () => {
  const many = Array.from({ length: 7 }, (_, index) => `${index}.ts`);
  const results = [resultOf('e2e', many)];

  assert.deepEqual(await withSecondGo(results, SUITES, {}), results);
  assert.deepEqual(played, []);
});
