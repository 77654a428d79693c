import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { DEBIAN_KEYS } from './apt.mjs';
import { ensureDockerCompose, unpackDockerCompose } from './docker-compose.mjs';
import {
  putFirstOnPath,
  setEnv,
  temporaryFolder,
  writeProgram,
} from './temporary-folder.fixture.mjs';

const needsDebian = { skip: !existsSync(DEBIAN_KEYS) && 'this is no Debian' };
const PROGRAM = 'docker-compose/usr/libexec/docker/cli-plugins/docker-compose';

test("Docker's own plugin wins", async (t) => {
  const dir = await workspace(t);

  await writeProgram(join(dir, 'bin/docker'), 'echo 2.40.1');
  assert.deepEqual(await ensureDockerCompose(), ['docker', 'compose']);
});

test('Docker Compose 1 is another program', needsDebian, async (t) => {
  const dir = await workspace(t);

  await writeProgram(join(dir, 'bin/docker'), 'exit 1');
  await writeProgram(join(dir, 'bin/docker-compose'), 'echo 1.29.2');
  await offerDeb(dir, 'echo 2.26.1-4');
  assert.deepEqual(await ensureDockerCompose(), [join(dir, 'cache', PROGRAM)]);
});

test(
  "Debian's is unpacked into the cache, once, and nothing else stays",
  needsDebian,
  async (t) => {
    const dir = await workspace(t);

    await offerDeb(dir, 'echo 2.26.1-4');
    assert.equal(await unpackDockerCompose(), join(dir, 'cache', PROGRAM));
    assert.deepEqual(await readdir(join(dir, 'cache/docker-compose')), ['usr']);

    await writeProgram(join(dir, 'bin/apt-get'), 'exit 100');
    assert.equal(await unpackDockerCompose(), join(dir, 'cache', PROGRAM));
  },
);

test('where it cannot be had, it is said what to install', needsDebian, async (t) => {
  const dir = await workspace(t);

  await writeProgram(join(dir, 'bin/apt-get'), 'echo "no such suite"; exit 100');
  await assert.rejects(unpackDockerCompose(), {
    name: 'SetupError',
    message: /(no such suite|needs Debian's)[^]*docker-compose-v2/,
  });
});

async function workspace(t) {
  const dir = await temporaryFolder(t);

  putFirstOnPath(t, join(dir, 'bin'));
  setEnv(t, { SLUICE_CACHE_DIR: join(dir, 'cache') });
  return dir;
}

/** An apt-get that downloads a package with such a program. */
async function offerDeb(dir, script) {
  const tree = join(dir, 'tree');
  const deb = join(dir, 'docker-compose_2_all.deb');

  await writeProgram(join(tree, 'usr/libexec/docker/cli-plugins/docker-compose'), script);
  await mkdir(join(tree, 'DEBIAN'));
  await writeFile(
    join(tree, 'DEBIAN/control'),
    'Package: docker-compose\nVersion: 2\nArchitecture: all\nMaintainer: test\nDescription: test\n',
  );
  spawnSync('dpkg-deb', ['--build', tree, deb]);
  await writeProgram(join(dir, 'bin/apt-get'), `case "$*" in *download*) cp '${deb}' . ;; esac`);
}
