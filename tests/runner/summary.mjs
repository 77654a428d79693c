/**
 * @typedef {object} SuiteResult
 * @property {string} name
 * @property {number} durationMs
 * @property {import('./outcome.mjs').SuiteOutcome} outcome
 */

/**
 * The end of a run's output: a table, what was skipped and why, what failed with the first line of
 * its error, and the totals. What is not steady and then failures stand last, where a log that is
 * cut still has them.
 *
 * @param {SuiteResult[]} results
 * @param {number} wallMs of the whole run, in which suites may have run side by side
 */
export function summary(results, wallMs) {
  const failed = results.flatMap(({ name, outcome }) =>
    outcome.failed.map((test) => `  ${name}: ${test}`),
  );
  const unsteady = results.flatMap(({ name, outcome }) =>
    (outcome.unsteady ?? []).map((test) => `  ${name}: ${test}`),
  );
  const skipped = results.flatMap(({ name, outcome }) => skippedOf(name, outcome.skipped));

  return [
    '',
    table(results, wallMs),
    ...(skipped.length > 0 ? ['', 'Skipped:', ...skipped] : []),
    ...(unsteady.length > 0 ? ['', UNSTEADY, ...unsteady] : []),
    ...(failed.length > 0 ? ['', 'Failed:', ...failed] : []),
    '',
    totals(results),
  ].join('\n');
}

const UNSTEADY = 'Passed in one of two goes only (a bug to find, in the test or in what it tests):';

/**
 * One line for all tests of a group that were skipped for one reason.
 *
 * @param {string} suite
 * @param {import('./outcome.mjs').SuiteOutcome['skipped']} tests
 */
function skippedOf(suite, tests) {
  const groups = Map.groupBy(tests, ({ name }) => splitLast(name)[0]);

  return [...groups].flatMap(([group, ofGroup]) => [
    `  ${[suite, group].filter(Boolean).join(': ')}`,
    ...[...Map.groupBy(ofGroup, ({ reason }) => reason)].map(
      ([reason, alike]) =>
        `    ${alike.map(({ name }) => splitLast(name)[1]).join(', ')} (${reason})`,
    ),
  ]);
}

/** `file > group > test` as what it is in, and the test. */
function splitLast(name) {
  const at = name.lastIndexOf(SEPARATOR);

  return at < 0 ? ['', name] : [name.slice(0, at), name.slice(at + SEPARATOR.length)];
}

const SEPARATOR = ' > ';

/** @param {SuiteResult[]} results */
export function anyFailed(results) {
  return results.some(({ outcome }) => outcome.failed.length > 0);
}

function table(results, wallMs) {
  const rows = results.map(({ name, durationMs, outcome }) => [
    name,
    seconds(durationMs),
    String(outcome.passed),
    String(outcome.failed.length),
    String(outcome.skipped.length),
  ]);
  const lines = [['suite', 'time', 'passed', 'failed', 'skipped'], ...rows];
  const whole = rows.length > 1 ? [['all', seconds(wallMs)]] : [];

  return [...lines, ...whole]
    .map(([name, ...figures]) => name.padEnd(14) + figures.map((text) => text.padStart(9)).join(''))
    .join('\n');
}

function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}

function totals(results) {
  const sum = (count) => results.reduce((total, { outcome }) => total + count(outcome), 0);
  const passed = sum((outcome) => outcome.passed);
  const failed = sum((outcome) => outcome.failed.length);
  const skipped = sum((outcome) => outcome.skipped.length);

  const unsteady = sum((outcome) => outcome.unsteady?.length ?? 0);
  const ofThose = unsteady > 0 ? ` (${unsteady} in one of two goes)` : '';

  return `${passed} passed${ofThose}, ${failed} failed, ${skipped} skipped`;
}
