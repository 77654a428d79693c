import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { temporaryFolder } from '../setup/temporary-folder.fixture.mjs';
import { writeMediasoupPackage } from './mediasoup-package.fixture.mjs';
import { readWorkerSources } from './worker-sources.mjs';

test('the sources are those of the executable, without those of tests and mocks', async (t) => {
  const workerDir = join(await writeMediasoupPackage(await temporaryFolder(t)), 'worker');

  assert.deepEqual(await readWorkerSources(workerDir), [
    join(workerDir, 'src/lib.cpp'),
    join(workerDir, 'src/main.cpp'),
    join(workerDir, 'deps/libwebrtc/libwebrtc/api/units/timestamp.cc'),
  ]);
});

test('a meson file that no longer lists the sources is an error, not a smaller worker', async (t) => {
  const workerDir = join(await writeMediasoupPackage(await temporaryFolder(t)), 'worker');

  await writeFile(join(workerDir, 'meson.build'), "subdir('src')");
  await assert.rejects(readWorkerSources(workerDir), /does not list src\/main\.cpp/);
});
