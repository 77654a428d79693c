import { readFile } from 'node:fs/promises';

/**
 * @typedef {object} SuiteOutcome
 * @property {number} passed
 * @property {string[]} failed names, each with why on a line of its own
 * @property {string[]} [unsteady] likewise, of what failed in one go and passed in another
 * @property {string[]} [failedFiles] where a go with those files alone may tell more
 * @property {{ name: string, reason: string }[]} skipped
 * @property {{ name: string, seconds: number }[]} [files] the longest first, where it has files
 */

/** @type {SuiteOutcome} */
export const NOTHING = { passed: 0, failed: [], skipped: [] };

/**
 * What a suite came to. A suite that ended badly without naming a failure is one.
 *
 * @param {SuiteOutcome | undefined} reported undefined where the suite never got to its report
 * @param {{ name: string } & import('./stream-command.mjs').CommandEnd} end
 * @returns {SuiteOutcome}
 */
export function outcomeOf(reported, { name, exitCode, lastLines }) {
  const outcome = reported ?? NOTHING;

  if (exitCode === 0 && reported !== undefined) {
    return outcome;
  }
  return outcome.failed.length > 0
    ? outcome
    : {
        ...outcome,
        failed: [[`${name} as a whole (${describeEnd(exitCode)})`, ...lastLines].join(INDENTED)],
      };
}

const INDENTED = '\n    | ';

function describeEnd(exitCode) {
  return exitCode === undefined ? 'ended by a signal' : `exit code ${exitCode}`;
}

/** Of one command that is a single check. */
export function outcomeOfCheck(name, end) {
  return outcomeOf(end.exitCode === 0 ? { ...NOTHING, passed: 1 } : undefined, { name, ...end });
}

/** @returns {Promise<SuiteOutcome | undefined>} */
export async function readOutcome(file) {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch {
    // The suite did not get to its report.
    return undefined;
  }
}

/**
 * What `node --test` has written as TAP.
 *
 * @returns {Promise<SuiteOutcome | undefined>}
 */
export async function readTap(file) {
  const text = await readFile(file, 'utf8').catch(() => undefined);

  return text === undefined ? undefined : parseTap(text);
}

/**
 * @param {string} text
 * @returns {SuiteOutcome | undefined}
 */
export function parseTap(text) {
  const total = (what) => Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(text)?.[1] ?? NaN);
  const points = [...text.matchAll(/^(not ok|ok) \d+ - (.*?)(?: # (SKIP|TODO)(?: (.*))?)?$/gm)];

  if (Number.isNaN(total('pass'))) {
    return undefined;
  }
  return {
    passed: total('pass'),
    failed: points.filter(([, ok]) => ok === 'not ok').map(([, , name]) => name),
    skipped: points
      .filter(([, , , directive]) => directive !== undefined)
      .map(([, , name, , reason]) => ({ name, reason: reason ?? 'no reason given' })),
  };
}
