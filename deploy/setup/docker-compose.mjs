import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { downloadDebOfSuite } from './apt.mjs';
import { cachePath } from './cache-dir.mjs';
import { ensureCacheEntry } from './cache-entry.mjs';
import { runAsScript } from './entry-point.mjs';
import { lastLines, runCommand } from './run-command.mjs';
import { say } from './say.mjs';
import { SetupError } from './setup-error.mjs';

/** The first Debian that has Docker Compose 2. */
const SUITE = 'trixie';
const PACKAGE = 'docker-compose';
const INSTALLED = [['docker', 'compose'], ['docker-compose']];
const HOW_TO_GET_ONE =
  'Install Docker Compose 2: the package docker-compose-plugin (Docker), docker-compose-v2 (Ubuntu) or docker-compose (Debian 13 and later).';

/**
 * The command line of a Docker Compose 2: the system's, else that of a newer Debian, which is
 * unpacked into the cache and installed nowhere.
 *
 * @returns {Promise<string[]>} program and first arguments
 * @throws {SetupError}
 */
export async function ensureDockerCompose() {
  for (const command of INSTALLED) {
    if (await isVersion2(command)) {
      return command;
    }
  }
  return [await unpackDockerCompose()];
}

/** Path of Debian's in the cache, downloaded unless it is there. */
export async function unpackDockerCompose() {
  const entry = cachePath(PACKAGE);
  const programIn = (dir) => join(dir, 'usr/libexec/docker/cli-plugins/docker-compose');

  await ensureCacheEntry({
    path: entry,
    isUsable: (path) => isVersion2([programIn(path)]),
    produce: async (newEntry) => {
      await unpackInto(newEntry).catch((error) => {
        if (!(error instanceof SetupError)) throw error;
        throw new SetupError(`${error.message}\n${HOW_TO_GET_ONE}`);
      });
      if (!(await isVersion2([programIn(newEntry)]))) {
        throw new SetupError(`Debian's Docker Compose does not run here.\n${HOW_TO_GET_ONE}`);
      }
    },
  });
  return programIn(entry);
}

async function unpackInto(dir) {
  say(`downloading Docker Compose 2 of Debian ${SUITE}`);
  await downloadDebOfSuite({ suite: SUITE, packageName: PACKAGE, dir });

  const deb = (await readdir(dir)).find((name) => name.endsWith('.deb'));
  const { exitCode, output } = await runCommand('dpkg-deb', ['--extract', join(dir, deb), dir]);

  if (exitCode !== 0) {
    throw new SetupError(`Unpacking ${deb} failed:\n${lastLines(output)}`);
  }
  await rm(join(dir, deb));
}

async function isVersion2([program, ...args]) {
  const version = await runCommand(program, [...args, 'version', '--short'], { timeoutMs: 10_000 });

  // Before 2 it was another program, which says 1.
  return version.exitCode === 0 && /^v?([2-9]|\d\d)\./mu.test(version.output);
}

runAsScript(import.meta.url, async () => {
  process.stdout.write(`${(await ensureDockerCompose()).join(' ')}\n`);
});
