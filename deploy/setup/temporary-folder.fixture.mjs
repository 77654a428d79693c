import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

/** A folder for one test, with a space in its name, as users' folders have. */
export async function temporaryFolder(t) {
  const dir = await mkdtemp(join(await realpath(tmpdir()), 'sluice set-up '));

  t.after(() => rm(dir, { recursive: true, force: true, maxRetries: 3 }));
  return dir;
}

/** Sets environment variables, or unsets those that are undefined, until the test ends. */
export function setEnv(t, variables) {
  for (const [name, value] of Object.entries(variables)) {
    const before = process.env[name];

    assign(name, value);
    t.after(() => assign(name, before));
  }
}

function assign(name, value) {
  if (value === undefined) {
    delete process.env[name];
  } else {
    process.env[name] = value;
  }
}

/** Writes a shell script that can be run as a program. */
export async function writeProgram(path, script) {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

/** Puts a folder of stand-in programs before all others on the PATH until the test ends. */
export function putFirstOnPath(t, dir) {
  setEnv(t, { PATH: `${dir}${delimiter}${process.env.PATH}` });
}
