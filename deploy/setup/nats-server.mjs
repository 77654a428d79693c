import { readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { downloadDeb, hasApt } from './apt.mjs';
import { cachePath } from './cache-dir.mjs';
import { ensureCacheEntry } from './cache-entry.mjs';
import { runAsScript } from './entry-point.mjs';
import { findExecutable } from './find-executable.mjs';
import { lastLines, runCommand } from './run-command.mjs';
import { say } from './say.mjs';
import { SetupError } from './setup-error.mjs';

const HOW_TO_GET_ONE =
  'Install it (https://docs.nats.io/running-a-nats-service/introduction/installation), or set SLUICE_NATS_SERVER to the path of its binary.';

/**
 * Path of a nats-server binary: the one that SLUICE_NATS_SERVER names, else the system's, else
 * Debian's in the cache. Debian's package is only unpacked, never installed: that needs no root and
 * leaves no server running.
 *
 * @returns {Promise<string>}
 * @throws {SetupError}
 */
export async function ensureNatsServer() {
  const named = process.env.SLUICE_NATS_SERVER;

  if (named) {
    return checkNamed(resolve(named));
  }
  return (await findExecutable('nats-server')) ?? unpackNatsServer();
}

async function checkNamed(binary) {
  const reason = await whyDoesNotRun(binary);

  if (reason !== undefined) {
    throw new SetupError(`SLUICE_NATS_SERVER names ${binary}, which does not run:\n${reason}`);
  }
  return binary;
}

/** Path of Debian's nats-server in the cache, downloaded unless it is there. */
export async function unpackNatsServer() {
  const entry = cachePath('nats-server');
  const binaryIn = (dir) => join(dir, 'usr', 'sbin', 'nats-server');

  await ensureCacheEntry({
    path: entry,
    isUsable: async (path) => (await whyDoesNotRun(binaryIn(path))) === undefined,
    produce: async (newEntry) => {
      await unpackDebianPackage(newEntry);

      const reason = await whyDoesNotRun(binaryIn(newEntry));

      if (reason !== undefined) {
        throw new SetupError(`Debian's nats-server does not run:\n${reason}\n${HOW_TO_GET_ONE}`);
      }
    },
  });
  return binaryIn(entry);
}

async function unpackDebianPackage(dir) {
  if (!(await hasApt())) {
    throw new SetupError(`nats-server is not installed.\n${HOW_TO_GET_ONE}`);
  }
  say('downloading nats-server from Debian');
  await downloadDeb('nats-server', dir);

  const deb = (await readdir(dir)).find((name) => name.endsWith('.deb'));
  const { exitCode, output } = await runCommand('dpkg-deb', ['--extract', join(dir, deb), dir]);

  if (exitCode !== 0) {
    throw new SetupError(
      `Unpacking ${deb} failed:\n${lastLines(output)}\nTry again, or: ${HOW_TO_GET_ONE}`,
    );
  }
  await rm(join(dir, deb));
}

async function whyDoesNotRun(binary) {
  const { exitCode, output } = await runCommand(binary, ['--version'], { timeoutMs: 10_000 });

  return exitCode === 0 ? undefined : lastLines(output);
}

runAsScript(import.meta.url, async () => {
  process.stdout.write(`${await ensureNatsServer()}\n`);
});
