import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { findExecutable } from './find-executable.mjs';
import { ensureNatsServer, unpackNatsServer } from './nats-server.mjs';
import {
  putFirstOnPath,
  setEnv,
  temporaryFolder,
  writeProgram,
} from './temporary-folder.fixture.mjs';

const needsDpkg = {
  skip: (await findExecutable('dpkg-deb')) === undefined && 'dpkg-deb is not installed',
};

test('SLUICE_NATS_SERVER wins over the PATH, which wins over the cache', async (t) => {
  const { dir } = await workspace(t);
  const onPath = await writeProgram(join(dir, 'bin/nats-server'), 'exit 0');

  assert.equal(await ensureNatsServer(), onPath);

  const named = await writeProgram(join(dir, 'my-server'), 'exit 0');

  setEnv(t, { SLUICE_NATS_SERVER: named });
  assert.equal(await ensureNatsServer(), named);
});

test('a SLUICE_NATS_SERVER that does not run is refused by name', async (t) => {
  const { dir } = await workspace(t);

  setEnv(t, { SLUICE_NATS_SERVER: await writeProgram(join(dir, 'broken'), 'echo boom; exit 1') });
  await assert.rejects(ensureNatsServer(), {
    name: 'SetupError',
    message: /SLUICE_NATS_SERVER names .*broken.*\n.*boom/,
  });
});

test("Debian's package is unpacked into the cache, once", needsDpkg, async (t) => {
  const { dir } = await workspace(t);
  const deb = await buildDeb(dir, 'exit 0');

  await writeProgram(join(dir, 'bin/apt-get'), `cp '${deb}' .`);

  const binary = await unpackNatsServer();

  assert.equal(binary, join(dir, 'cache/nats-server/usr/sbin/nats-server'));
  await writeProgram(join(dir, 'bin/apt-get'), 'exit 100');
  assert.equal(await unpackNatsServer(), binary);
});

test("a server of Debian's that does not run is not kept", needsDpkg, async (t) => {
  const { dir } = await workspace(t);
  const deb = await buildDeb(dir, 'echo "wrong machine"; exit 126');

  await writeProgram(join(dir, 'bin/apt-get'), `cp '${deb}' .`);

  const unpacking = () => assert.rejects(unpackNatsServer(), { message: /wrong machine/ });

  await unpacking();
  await unpacking();
});

async function workspace(t) {
  const dir = await temporaryFolder(t);

  putFirstOnPath(t, join(dir, 'bin'));
  setEnv(t, { SLUICE_CACHE_DIR: join(dir, 'cache'), SLUICE_NATS_SERVER: undefined });
  return { dir };
}

async function buildDeb(dir, server) {
  const tree = join(dir, 'tree');
  const deb = join(dir, 'nats-server_1_all.deb');

  await writeProgram(join(tree, 'usr/sbin/nats-server'), server);
  await mkdir(join(tree, 'DEBIAN'));
  await writeFile(
    join(tree, 'DEBIAN/control'),
    'Package: nats-server\nVersion: 1\nArchitecture: all\nMaintainer: test\nDescription: test\n',
  );
  spawnSync('dpkg-deb', ['--build', tree, deb]);
  return deb;
}
