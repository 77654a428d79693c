import { performance } from 'node:perf_hooks';

/** With more than these something is broken, and not unsteady. */
const FILES_MAX = 6;

/**
 * Plays the files in which a test failed once more, with nothing beside them. Only of suites that
 * play in real time: there a failure may be the machine's, and a test that fails in one go and
 * passes in the other is told as what it is.
 *
 * @param {import('./summary.mjs').SuiteResult[]} results
 * @param {Map<string, import('./suites.mjs').Suite>} suites by name
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<import('./summary.mjs').SuiteResult[]>}
 */
export async function withSecondGo(results, suites, env) {
  const filesOf = ({ name, outcome }) =>
    suites.get(name)?.runFiles === undefined ? [] : (outcome.failedFiles ?? []);
  const files = results.flatMap(filesOf);

  if (files.length === 0 || files.length > FILES_MAX) {
    return results;
  }

  const played = [];

  for (const result of results) {
    played.push(filesOf(result).length > 0 ? await again(result, suites, env) : result);
  }
  return played;
}

async function again(result, suites, env) {
  const startedAtMs = performance.now();
  const outcome = await suites.get(result.name).runFiles(env, result.outcome.failedFiles);
  const durationMs = result.durationMs + performance.now() - startedAtMs;

  return { ...result, durationMs, outcome: ofTwoGoes(result.outcome, outcome) };
}

/**
 * Failed is what failed in both goes, and unsteady what failed in one.
 *
 * @param {import('./outcome.mjs').SuiteOutcome} first
 * @param {import('./outcome.mjs').SuiteOutcome} second of some of its files
 * @returns {import('./outcome.mjs').SuiteOutcome}
 */
export function ofTwoGoes(first, second) {
  const failedIn = ({ failed }) => new Set(failed.map(testOf));
  const [inFirst, inSecond] = [failedIn(first), failedIn(second)];
  const onlyFirst = first.failed.filter((failure) => !inSecond.has(testOf(failure)));
  const onlySecond = second.failed.filter((failure) => !inFirst.has(testOf(failure)));
  const steady = (first.unsteady ?? []).filter((failure) => !inSecond.has(testOf(failure)));

  // A go that came to nothing shows nothing.
  return second.passed === 0
    ? first
    : {
        ...first,
        passed: first.passed + onlyFirst.length,
        failed: second.failed.filter((failure) => inFirst.has(testOf(failure))),
        unsteady: [...steady, ...onlyFirst, ...onlySecond],
      };
}

/** Without why it failed. */
function testOf(failure) {
  return failure.split('\n')[0];
}
