import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { withFileLock } from '../setup/file-lock.mjs';
import { repositoryRoot } from '../setup/repository-root.mjs';
import { lastLines, runCommand } from '../setup/run-command.mjs';
import { say } from '../setup/say.mjs';
import { SetupError } from '../setup/setup-error.mjs';

const LINES_SHOWN = 40;
const CONSOLE = join(repositoryRoot, 'services', 'console');
/** What the page is made of, besides what `tsc -b` has just made current. */
const CONSOLE_SOURCES = ['src', 'index.html', 'public', 'vite.config.mjs', 'package.json'].map(
  (name) => join(CONSOLE, name),
);

/**
 * Builds what has changed since the last build: all TypeScript, and the console's page. Two at a
 * time wait for each other, since both would write the same files.
 *
 * @throws {SetupError} with the compiler's words
 */
export async function ensureBuilt() {
  await withFileLock(join(repositoryRoot, '.run', 'build.lock'), {
    onWait: (pid) => say(`waiting for process ${pid}, which is building`),
    work: async () => {
      await run('tsc', ['-b', repositoryRoot]);
      if (await consoleIsStale()) {
        await run('npm', ['run', 'build', '-w', '@sluice/console'], { cwd: repositoryRoot });
      }
    },
  });
}

async function run(command, args, options) {
  const { exitCode, output } = await runCommand(command, args, options);

  if (exitCode !== 0) {
    throw new SetupError(`${command} failed:\n${lastLines(output, LINES_SHOWN)}`);
  }
}

async function consoleIsStale() {
  const built = await modifiedAtMs(join(CONSOLE, 'dist', 'index.html'));
  const changed = await Promise.all([
    ...CONSOLE_SOURCES.map(newestModificationMs),
    newestModificationMs(join(repositoryRoot, 'libs', 'protocol', 'src')),
    modifiedAtMs(join(repositoryRoot, 'package-lock.json')),
  ]);

  return built < Math.max(...changed);
}

/** Of a file, or of everything in a folder; 0 where there is none. */
async function newestModificationMs(path) {
  const names = await readdir(path, { recursive: true }).catch(() => []);
  const times = await Promise.all(names.map((name) => modifiedAtMs(join(path, name))));

  return Math.max(await modifiedAtMs(path), ...times);
}

async function modifiedAtMs(path) {
  return (await stat(path).catch(() => undefined))?.mtimeMs ?? 0;
}
