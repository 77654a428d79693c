/**
 * @typedef {object} SuiteResult
 * @property {string} name
 * @property {number} durationMs
 * @property {import('./outcome.mjs').SuiteOutcome} outcome
 */

/**
 * The end of a run's output: a table, what was skipped and why, what failed with the first line of
 * its error, and the totals. Failures stand last, where a log that is cut still has them.
 *
 * @param {SuiteResult[]} results
 */
export function summary(results) {
  const failed = results.flatMap(({ name, outcome }) =>
    outcome.failed.map((test) => `  ${name}: ${test}`),
  );
  const skipped = results.flatMap(({ name, outcome }) =>
    outcome.skipped.map((test) => `  ${name}: ${test.name}\n    because: ${test.reason}`),
  );

  return [
    '',
    table(results),
    ...(skipped.length > 0 ? ['', 'Skipped:', ...skipped] : []),
    ...(failed.length > 0 ? ['', 'Failed:', ...failed] : []),
    '',
    totals(results),
  ].join('\n');
}

/** @param {SuiteResult[]} results */
export function anyFailed(results) {
  return results.some(({ outcome }) => outcome.failed.length > 0);
}

function table(results) {
  const rows = results.map(({ name, durationMs, outcome }) => [
    name,
    `${(durationMs / 1000).toFixed(1)} s`,
    String(outcome.passed),
    String(outcome.failed.length),
    String(outcome.skipped.length),
  ]);
  const lines = [['suite', 'time', 'passed', 'failed', 'skipped'], ...rows];

  return lines
    .map(([name, ...figures]) => name.padEnd(14) + figures.map((text) => text.padStart(9)).join(''))
    .join('\n');
}

function totals(results) {
  const sum = (count) => results.reduce((total, { outcome }) => total + count(outcome), 0);
  const passed = sum((outcome) => outcome.passed);
  const failed = sum((outcome) => outcome.failed.length);
  const skipped = sum((outcome) => outcome.skipped.length);

  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
