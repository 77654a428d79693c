import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from '../../deploy/setup/repository-root.mjs';
import { dockerAnswers } from '../../deploy/setup/docker.mjs';
import { NOTHING, outcomeOf, outcomeOfCheck, readOutcome, readTap } from './outcome.mjs';
import { streamCommand } from './stream-command.mjs';

const MINUTE_MS = 60_000;
const RESULTS = join(repositoryRoot, 'test-results');

/**
 * @typedef {object} Suite
 * @property {string} name
 * @property {(env: NodeJS.ProcessEnv) => Promise<import('./outcome.mjs').SuiteOutcome>} run
 * @property {(env: NodeJS.ProcessEnv, files: string[]) => Promise<import('./outcome.mjs').SuiteOutcome>} [runFiles]
 *   of suites that play in real time, where what else the machine does may be why a test fails
 */

/** Each runs to its end, whatever it finds. */
/** @type {Suite[]} */
export const SUITES = [
  check('build', [['node', 'tests/runner/build.mjs']], 5),
  check('lint', [['eslint', '.', '--max-warnings=0']], 5),
  // Of tests that no build compiles: they run as they stand.
  check('types', [['tsc', '-p', 'tsconfig.tests.json']], 5),
  check(
    'format',
    [
      ['prettier', '--check', '--log-level', 'warn', '.'],
      ['buf', 'lint', 'proto'],
      ['buf', 'format', '--diff', '--exit-code', 'proto'],
      ['node', 'proto/breaking.mjs'],
    ],
    3,
  ),
  nodeTests('set-up', ['deploy/**/*.test.mjs', 'tests/runner/*.test.mjs'], 10),
  vitest('unit', 10),
  vitest('chart', 5),
  realTime(vitest('integration', 20)),
  realTime(vitest('e2e', 20)),
  realTime(containers(15)),
  realTime(vitest('faults', 20)),
  realTime(vitest('interop', 20)),
  realTime(vitest('network', 10)),
];

/**
 * Those that may run at the same time stand in one group; in each, lanes run beside each other and
 * the suites of a lane one after the other. End-to-end tests and faults, which measure, have the
 * machine to themselves.
 */
export const SCHEDULE = [
  [['build']],
  [
    ['lint', 'types'],
    ['format', 'set-up', 'unit', 'chart'],
  ],
  [['integration']],
  [['e2e']],
  [['containers']],
  [['interop', 'network']],
  [['faults']],
];

/** Commands that each pass or fail as a whole. */
function check(name, commands, timeoutMinutes) {
  return {
    name,
    run: async (env) => {
      let outcome = NOTHING;

      for (const command of commands) {
        const end = await stream(name, command, env, timeoutMinutes);

        outcome = outcomeOfCheck(command.join(' '), end);
        if (outcome.failed.length > 0) break;
      }
      return outcome;
    },
  };
}

function realTime(suite) {
  return { ...suite, runFiles: (env, files) => suite.run(env, files) };
}

function vitest(name, timeoutMinutes) {
  const file = join(RESULTS, `${name}.json`);
  const reporters = ['default', './tests/runner/outcome-reporter.mjs'];
  const command = ['vitest', 'run', '--project', name, '--no-color'].concat(
    reporters.map((reporter) => `--reporter=${reporter}`),
  );

  return {
    name,
    run: async (env, files = []) => {
      const withFile = { ...env, SLUICE_OUTCOME_FILE: file };

      await rm(file, { force: true });

      const end = await stream(name, [...command, ...files], withFile, timeoutMinutes);

      return outcomeOf(await readOutcome(file), { name, ...end });
    },
  };
}

/** Of the images that are built from what is here; where that cannot be, it says why. */
function containers(timeoutMinutes) {
  const suite = vitest('containers', timeoutMinutes);
  const { name } = suite;
  const skipped = (reason) => ({ ...NOTHING, skipped: [{ name: 'all of it', reason }] });

  return {
    name,
    run: async (env, files) => {
      if (!(await dockerAnswers())) {
        return skipped(
          'no Docker engine answers (node deploy/setup/docker.mjs make test starts one)',
        );
      }

      const version = env.SLUICE_IMAGE_VERSION ?? 'test';
      const forTests = { ...env, SLUICE_IMAGE_VERSION: version, WORKER: 'local' };
      const built = await stream(name, ['deploy/images/build.sh'], forTests, timeoutMinutes);

      if (built.exitCode === NO_BASE_IMAGES) {
        return skipped('no registry gives base images, and making some needs root and debootstrap');
      }
      return built.exitCode === 0 ? suite.run(forTests, files) : outcomeOfCheck('images', built);
    },
  };
}

/** What deploy/images/local-bases.sh ends with. */
const NO_BASE_IMAGES = 3;

function nodeTests(name, patterns, timeoutMinutes) {
  const file = join(RESULTS, `${name}.tap`);
  const reporters = ['spec', 'stdout', 'tap', file];
  const [spec, stdout, tap, destination] = reporters;
  const command = [
    'node',
    '--test',
    `--test-reporter=${spec}`,
    `--test-reporter-destination=${stdout}`,
    `--test-reporter=${tap}`,
    `--test-reporter-destination=${destination}`,
    ...patterns,
  ];

  return {
    name,
    run: async (env) => {
      await mkdir(RESULTS, { recursive: true });

      const end = await stream(name, command, env, timeoutMinutes);

      return outcomeOf(await readTap(file), { name, ...end });
    },
  };
}

function stream(name, command, env, timeoutMinutes) {
  return streamCommand(name, command, {
    cwd: repositoryRoot,
    env,
    timeoutMs: timeoutMinutes * MINUTE_MS,
  });
}
