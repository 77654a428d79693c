import { lastLines, runCommand } from './run-command.mjs';

/** The worker's own exit code for "not started by mediasoup", which it checks before all else. */
const EXIT_CODE_WITHOUT_PARENT = 41;
const START_TIMEOUT_MS = 10_000;

/**
 * Proves that a worker binary loads and runs on this machine.
 *
 * @param {string} binary
 * @returns {Promise<string | undefined>} why it does not; undefined where it does
 */
export async function whyWorkerDoesNotStart(binary) {
  const { exitCode, output } = await runCommand(binary, [], {
    env: { ...process.env, MEDIASOUP_VERSION: undefined },
    timeoutMs: START_TIMEOUT_MS,
  });

  if (exitCode === EXIT_CODE_WITHOUT_PARENT) {
    return undefined;
  }
  return `exit code ${exitCode ?? 'none'}\n${lastLines(output)}`;
}
