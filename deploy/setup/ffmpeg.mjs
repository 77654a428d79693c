import { chmod, readdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { ensureAptPackages } from './apt.mjs';
import { cachePath } from './cache-dir.mjs';
import { ensureCacheEntry } from './cache-entry.mjs';
import { runAsScript } from './entry-point.mjs';
import { findExecutable } from './find-executable.mjs';
import { lastLines, runCommand } from './run-command.mjs';
import { say } from './say.mjs';
import { SetupError } from './setup-error.mjs';

/** The first Debian whose ffmpeg has the whip muxer, and how an older debootstrap is told of it. */
const SUITE = 'forky';
const SCRIPT = 'sid';
const MIRROR = 'http://deb.debian.org/debian';
const DEBOOTSTRAP_TIMEOUT_MS = 15 * 60 * 1_000;

const HOW_TO_GET_ONE =
  'Set SLUICE_FFMPEG to the path of an ffmpeg 8 or newer, built with a TLS library.';

/**
 * Path of an ffmpeg that publishes over WHIP: the one that SLUICE_FFMPEG names, else the system's,
 * else that of a newer Debian, which is unpacked into the cache and runs by its own loader there.
 *
 * @returns {Promise<string>}
 * @throws {SetupError}
 */
export async function ensureFfmpeg() {
  const named = process.env.SLUICE_FFMPEG;

  if (named) {
    if (await hasWhip(resolve(named))) {
      return resolve(named);
    }
    throw new SetupError(`SLUICE_FFMPEG names ${named}, which has no whip muxer.`);
  }

  const installed = await findExecutable('ffmpeg');

  return installed && (await hasWhip(installed)) ? installed : unpackFfmpeg();
}

async function unpackFfmpeg() {
  const entry = cachePath('ffmpeg');
  const programIn = (dir) => join(dir, 'ffmpeg');

  await ensureCacheEntry({
    path: entry,
    isUsable: (path) => hasWhip(programIn(path)),
    produce: async (newEntry) => {
      await ensureAptPackages(['debootstrap'], 'ffmpeg for the tests');
      say(`unpacking ffmpeg of Debian ${SUITE}; some minutes`);

      const root = join(newEntry, 'root');
      const { exitCode, output } = await runCommand(
        'debootstrap',
        [
          '--variant=minbase',
          '--include=ffmpeg',
          SUITE,
          root,
          MIRROR,
          `/usr/share/debootstrap/scripts/${SCRIPT}`,
        ],
        { timeoutMs: DEBOOTSTRAP_TIMEOUT_MS },
      );

      if (exitCode !== 0) {
        throw new SetupError(`debootstrap failed:\n${lastLines(output)}\n${HOW_TO_GET_ONE}`);
      }
      await writeFile(programIn(newEntry), await launcherFor(root));
      await chmod(programIn(newEntry), 0o755);
      if (!(await hasWhip(programIn(newEntry)))) {
        throw new SetupError(`Debian's ffmpeg has no whip muxer.\n${HOW_TO_GET_ONE}`);
      }
    },
  });
  return programIn(entry);
}

/** Its own loader and libraries, beside the script: the machine's are older. */
async function launcherFor(root) {
  const libraries = join(root, 'usr', 'lib');
  const [triplet] = (await readdir(libraries)).filter((name) => name.endsWith('-linux-gnu'));
  const [loader] = (await readdir(join(libraries, triplet))).filter((name) =>
    name.startsWith('ld-linux'),
  );
  const there = `"$(dirname "$(readlink -f "$0")")/root/usr"`;

  return `#!/bin/sh
lib=${there}/lib/${triplet}
path="$lib:$lib/pulseaudio:$lib/blas:$lib/lapack"
exec "$lib/${loader}" --library-path "$path" ${there}/bin/ffmpeg "$@"
`;
}

async function hasWhip(ffmpeg) {
  const options = { timeoutMs: 10_000 };
  const { exitCode, output } = await runCommand(ffmpeg, ['-hide_banner', '-muxers'], options);

  return exitCode === 0 && /^\s*E\s+whip\s/mu.test(output);
}

runAsScript(import.meta.url, async () => {
  process.stdout.write(`${await ensureFfmpeg()}\n`);
});
