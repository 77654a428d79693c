import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { arch, platform, release } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';

import {
  FIXTURE_VERSION,
  whyNotBuildable,
  writeMediasoupPackage,
} from '../mediasoup-worker/mediasoup-package.fixture.mjs';
import { builtWorkerPath } from '../mediasoup-worker/build.mjs';
import { setEnv, temporaryFolder, writeProgram } from './temporary-folder.fixture.mjs';
import { prebuiltWorkerPath } from './prebuilt-worker.mjs';
import { ensureWorker } from './worker.mjs';

const needsCompiler = { skip: await whyNotBuildable(), timeout: 120_000 };
const ARCHIVE_PATH = `/${FIXTURE_VERSION}/mediasoup-worker-${FIXTURE_VERSION}-${platform()}-${arch()}${
  platform() === 'linux' ? `-kernel${release().split('.')[0]}` : ''
}.tgz`;

test('the prebuilt worker is downloaded once, from where mediasoup itself would take it', async (t) => {
  const worker = await ensureWorker();
  const { packageDir } = await workspace(t);
  const archive = archiveOf(worker);
  const requests = await serve(t, (request, response) => response.end(archive));

  const binary = await ensureWorker({ packageDir });

  assert.equal(binary, await prebuiltWorkerPath(packageDir));
  assert.deepEqual(await readFile(binary), await readFile(worker));
  assert.deepEqual(await readdir(dirname(binary)), ['mediasoup-worker']);

  assert.equal(await ensureWorker({ packageDir }), binary);
  assert.deepEqual(requests, [ARCHIVE_PATH]);
});

test(
  'a worker that is built already is used without asking the network',
  needsCompiler,
  async (t) => {
    const { packageDir } = await workspace(t);
    const requests = await serve(t, notFound);
    const built = await ensureWorker({ packageDir });

    assert.equal(await ensureWorker({ packageDir }), built);
    assert.equal(requests.length, 1);
  },
);

test("the worker that mediasoup's own install script has fetched is used", async (t) => {
  const { packageDir } = await workspace(t);
  const binary = join(packageDir, 'worker/out/Release/mediasoup-worker');

  await writeProgram(binary, 'exit 41');
  assert.equal(await ensureWorker({ packageDir }), binary);
});

const unusablePrebuilts = {
  'is not published for this machine': notFound,
  'is a corrupt archive': (request, response) => response.end('not a tgz'),
  'is cut off in the middle': (request, response) => {
    response.writeHead(200, { 'content-length': 1000 });
    response.write('beginning', () => response.destroy());
  },
  'comes from a server that never answers': () => {},
  'comes from a server that answers and then hangs': (request, response) => {
    response.writeHead(200);
    response.write('beginning');
  },
};

for (const [flaw, answer] of Object.entries(unusablePrebuilts)) {
  test(`a worker is built where the prebuilt one ${flaw}`, needsCompiler, async (t) => {
    const { packageDir } = await workspace(t);
    const requests = await serve(t, answer);

    await assertBuilt(packageDir);
    assert.deepEqual(requests, [ARCHIVE_PATH]);
  });
}

test('a worker is built where the prebuilt one does not start here', needsCompiler, async (t) => {
  const { dir, packageDir } = await workspace(t);
  const wrong = await writeProgram(join(dir, 'mediasoup-worker'), 'exit 127');
  const archive = archiveOf(wrong);

  await serve(t, (request, response) => response.end(archive));
  await assertBuilt(packageDir);
});

test('no download is tried where mediasoup is told to skip it', needsCompiler, async (t) => {
  const { packageDir } = await workspace(t);
  const requests = await serve(t, notFound);

  setEnv(t, { MEDIASOUP_SKIP_WORKER_PREBUILT_DOWNLOAD: 'true' });
  await assertBuilt(packageDir);
  assert.deepEqual(requests, []);
});

test('MEDIASOUP_WORKER_BIN wins over everything else', async (t) => {
  const { dir, packageDir } = await workspace(t);
  const named = await writeProgram(join(dir, 'my-worker'), 'exit 41');

  setEnv(t, { MEDIASOUP_WORKER_BIN: named });
  assert.equal(await ensureWorker({ packageDir }), named);
});

test('a MEDIASOUP_WORKER_BIN that does not start is refused by name', async (t) => {
  const { dir, packageDir } = await workspace(t);

  setEnv(t, { MEDIASOUP_WORKER_BIN: join(dir, 'missing') });
  await assert.rejects(ensureWorker({ packageDir }), {
    name: 'SetupError',
    message: /MEDIASOUP_WORKER_BIN names .*missing, which does not start/,
  });
});

test('without the mediasoup package the message says what to run', async (t) => {
  const { dir } = await workspace(t);

  await assert.rejects(ensureWorker({ packageDir: join(dir, 'missing') }), {
    name: 'SetupError',
    message: /make setup/,
  });
});

async function workspace(t) {
  const dir = await temporaryFolder(t);

  setEnv(t, {
    SLUICE_CACHE_DIR: join(dir, 'cache'),
    MEDIASOUP_WORKER_BIN: undefined,
    MEDIASOUP_SKIP_WORKER_PREBUILT_DOWNLOAD: undefined,
    CXX: undefined,
  });
  return { dir, packageDir: await writeMediasoupPackage(join(dir, 'mediasoup')) };
}

/** A release server, the only one that is asked; gives the paths asked for. */
async function serve(t, answer) {
  const requests = [];
  const server = createServer((request, response) => {
    requests.push(request.url);
    answer(request, response);
  });

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  setEnv(t, {
    MEDIASOUP_WORKER_PREBUILT_DOWNLOAD_BASE_URL: `http://127.0.0.1:${server.address().port}`,
  });
  return requests;
}

/** As mediasoup packs its releases. */
function archiveOf(worker) {
  const { stdout } = spawnSync('tar', ['-czf', '-', '-C', dirname(worker), basename(worker)], {
    maxBuffer: Infinity,
  });

  return stdout;
}

function notFound(request, response) {
  response.writeHead(404).end();
}

async function assertBuilt(packageDir) {
  const downloadLimits = { answerWithinMs: 300, completeWithinMs: 600 };
  const binary = await ensureWorker({ packageDir, downloadLimits });

  assert.equal(binary, await builtWorkerPath(packageDir));
  await assert.rejects(stat(dirname(await prebuiltWorkerPath(packageDir))), { code: 'ENOENT' });
}
