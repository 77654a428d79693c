import assert from 'node:assert/strict';
import { test } from 'node:test';

import { NOTHING, outcomeOf, outcomeOfCheck, parseTap } from './outcome.mjs';

const ended = (exitCode, lastLines = []) => ({ exitCode, lastLines });

const OUTCOME = { passed: 2, failed: [], skipped: [{ name: 'a', reason: 'b' }] };

test('a suite that ends well comes to what it reports', () => {
  assert.deepEqual(outcomeOf(OUTCOME, { name: 'unit', ...ended(0) }), OUTCOME);
});

test('a suite that ends badly has failed, even where it names no failure', () => {
  for (const exitCode of [1, undefined]) {
    const { passed, failed } = outcomeOf(OUTCOME, { name: 'unit', ...ended(exitCode) });

    assert.equal(passed, 2);
    assert.equal(failed.length, 1);
    assert.match(failed[0], /unit as a whole/);
  }
});

test('a suite that never reports has failed, even with exit code 0', () => {
  assert.equal(outcomeOf(undefined, { name: 'unit', ...ended(0) }).failed.length, 1);
});

test('failures that a suite names are not counted twice', () => {
  const reported = { ...OUTCOME, failed: ['one'] };

  assert.deepEqual(outcomeOf(reported, { name: 'unit', ...ended(1) }), reported);
});

test('a check counts as one', () => {
  assert.deepEqual(outcomeOfCheck('lint', ended(0)), { ...NOTHING, passed: 1 });
  assert.equal(outcomeOfCheck('lint', ended(2)).failed.length, 1);
});

test('a check that fails shows its last words', () => {
  const { failed } = outcomeOfCheck('lint', ended(1, ['9:1 error', '1 problem']));

  assert.match(failed[0], /lint as a whole \(exit code 1\)\n.*9:1 error\n.*1 problem$/);
});

test('TAP is read with its failures, and with why what was skipped was skipped', () => {
  const tap = [
    'TAP version 13',
    'ok 1 - works',
    'not ok 2 - fails',
    '  ---',
    'ok 3 - left out # SKIP there is no compiler',
    '1..3',
    '# pass 1',
    '# fail 1',
  ].join('\n');

  assert.deepEqual(parseTap(tap), {
    passed: 1,
    failed: ['fails'],
    skipped: [{ name: 'left out', reason: 'there is no compiler' }],
  });
});

test('TAP that breaks off is no report', () => {
  assert.equal(parseTap('TAP version 13\nok 1 - works\n'), undefined);
});
