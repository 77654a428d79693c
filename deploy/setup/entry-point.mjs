import { existsSync, realpathSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

import { say } from './say.mjs';
import { SetupError } from './setup-error.mjs';

/**
 * Runs `main` when the module is the script that node was started with, and does nothing when it is
 * imported.
 *
 * @param {string} moduleUrl `import.meta.url` of the caller
 * @param {() => Promise<void>} main
 */
export function runAsScript(moduleUrl, main) {
  if (!isStartedScript(moduleUrl)) {
    return;
  }
  exitOnSignals();
  main().catch((error) => {
    say(error instanceof SetupError ? `\n${error.message}` : error.stack);
    process.exit(1);
  });
}

function isStartedScript(moduleUrl) {
  const script = process.argv[1];

  // With `node --eval`, the first argument need not be a file.
  return (
    script !== undefined && existsSync(script) && realpathSync(script) === fileURLToPath(moduleUrl)
  );
}

/** A signal's default action would skip the 'exit' handlers that stop children and undo work. */
function exitOnSignals() {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => process.exit(128 + constants.signals[signal]));
  }
}
