import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { ensurePackages } from './packages.mjs';
import {
  putFirstOnPath,
  setEnv,
  temporaryFolder,
  writeProgram,
} from './temporary-folder.fixture.mjs';

test('packages are installed once for one lockfile', async (t) => {
  const { dir, rootDir } = await workspace(t, { npm: installs() });

  await ensurePackages({ rootDir });
  await ensurePackages({ rootDir });
  assert.equal(await callsIn(dir), 1);

  await writeFile(join(rootDir, 'package-lock.json'), '{ "changed": true }');
  await ensurePackages({ rootDir });
  assert.equal(await callsIn(dir), 2);
});

test('two at a time install once', async (t) => {
  const { dir, rootDir } = await workspace(t, { npm: installs() });

  await Promise.all([ensurePackages({ rootDir }), ensurePackages({ rootDir })]);
  assert.equal(await callsIn(dir), 1);
});

test("mediasoup's install script is told that a worker is there", async (t) => {
  const { rootDir } = await workspace(t, { npm: `test -n "$MEDIASOUP_WORKER_BIN" || exit 1` });

  setEnv(t, { MEDIASOUP_WORKER_BIN: undefined });
  await ensurePackages({ rootDir });
});

test('an installation that fails twice gives its words and the log, and is tried anew', async (t) => {
  const { dir, rootDir } = await workspace(t, { npm: 'echo "registry is gone" >&2; exit 1' });
  const error = await ensurePackages({ rootDir }).catch((reason) => reason);
  const [, logPath] = /The whole log: (.+)/.exec(error.message);

  assert.equal(error.name, 'SetupError');
  assert.match(error.message, /registry is gone/);
  assert.match(await readFile(logPath, 'utf8'), /registry is gone/);
  assert.equal(await callsIn(dir), 2);

  await assert.rejects(ensurePackages({ rootDir }), { name: 'SetupError' });
  assert.equal(await callsIn(dir), 4);
});

test('a lockfile that does not fit is not tried twice, and the advice fits', async (t) => {
  const { dir, rootDir } = await workspace(t, {
    npm: `echo "npm error package.json and package-lock.json are in sync" >&2; exit 1`,
  });

  await assert.rejects(ensurePackages({ rootDir }), { message: /run npm install/ });
  assert.equal(await callsIn(dir), 1);
});

test("the pinned runtime is fetched where npm has left out the package's install script", async (t) => {
  const { rootDir } = await workspace(t, { npm: installs({ nodeVersion: '24.0.1' }) });

  await ensurePackages({ rootDir });
  assert.equal(await readFile(join(rootDir, 'node_modules/node/fetched'), 'utf8'), 'yes');
});

test('a pinned runtime that does not run is an error', async (t) => {
  const { rootDir } = await workspace(t, {
    npm: installs({ nodeVersion: '24.0.1', runtime: 'exit 127' }),
  });

  await assert.rejects(ensurePackages({ rootDir }), {
    name: 'SetupError',
    message: /node@24\.0\.1 has no binary that runs here/,
  });
});

test('a checkout without a lockfile is an error', async (t) => {
  const rootDir = await temporaryFolder(t);

  await assert.rejects(ensurePackages({ rootDir }), { name: 'SetupError' });
});

/** A checkout whose npm is a script, run in the checkout, that also counts its calls. */
async function workspace(t, { npm }) {
  const dir = await temporaryFolder(t);
  const rootDir = join(dir, 'checkout');
  const bin = join(dir, 'bin');

  await writeProgram(
    join(bin, 'npm'),
    `echo "$*" >> '${join(dir, 'calls')}'; mkdir -p node_modules/.bin\n${npm}`,
  );
  await mkdir(rootDir);
  await writeFile(join(rootDir, 'package-lock.json'), '{}');
  putFirstOnPath(t, bin);
  setEnv(t, { SLUICE_CACHE_DIR: join(dir, 'cache') });
  return { dir, rootDir };
}

async function callsIn(dir) {
  const calls = (await readFile(join(dir, 'calls'), 'utf8')).trimEnd().split('\n');

  assert.ok(calls.every((call) => call.startsWith('ci ')));
  return calls.length;
}

/** What npm does; with the npm package `node` in a version whose binary is not fetched yet. */
function installs({ nodeVersion, runtime = `echo v${nodeVersion}` } = {}) {
  if (nodeVersion === undefined) {
    return 'exit 0';
  }

  const fetchRuntime = `
    const { writeFileSync } = require('node:fs');
    writeFileSync('fetched', 'yes');
    writeFileSync('../.bin/node', '#!/bin/sh\\n${runtime}\\n', { mode: 0o755 });`;

  return `
    mkdir -p node_modules/node
    echo '{ "version": "${nodeVersion}" }' > node_modules/node/package.json
    cat > node_modules/node/installArchSpecificPackage.js <<'END'
${fetchRuntime}
END`;
}
