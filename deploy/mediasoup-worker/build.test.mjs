import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { setEnv, temporaryFolder, writeProgram } from '../setup/temporary-folder.fixture.mjs';
import { whyWorkerDoesNotStart } from '../setup/worker-start.mjs';
import { buildWorker, builtWorkerPath } from './build.mjs';
import { whyNotBuildable, writeMediasoupPackage } from './mediasoup-package.fixture.mjs';

const BUILD_SCRIPT = fileURLToPath(new URL('build.mjs', import.meta.url));
const needsCompiler = { skip: await whyNotBuildable(), timeout: 120_000 };

test(
  'a build puts a worker that starts into the cache, and nothing else',
  needsCompiler,
  async (t) => {
    const { packageDir } = await workspace(t);
    const binary = await buildWorker(packageDir);

    assert.equal(await whyWorkerDoesNotStart(binary), undefined);
    assert.deepEqual(await readdir(dirname(binary)), ['mediasoup-worker']);
  },
);

test('a second build changes nothing', needsCompiler, async (t) => {
  const { packageDir } = await workspace(t);
  const first = await stat(await buildWorker(packageDir));

  setEnv(t, { CXX: '/bin/false' });

  const second = await stat(await buildWorker(packageDir));

  assert.equal(second.ino, first.ino);
});

test('a worker in the cache that does not start is built anew', needsCompiler, async (t) => {
  const { packageDir } = await workspace(t);
  const binary = await buildWorker(packageDir);

  await writeFile(binary, 'not a program');
  await buildWorker(packageDir);
  assert.equal(await whyWorkerDoesNotStart(binary), undefined);
});

test(
  'a compiler that fails gives a message with its words and the log, and no cache entry',
  needsCompiler,
  async (t) => {
    const { dir, packageDir } = await workspace(t);

    setEnv(t, {
      CXX: await failingCompiler(dir),
    });

    const error = await rejection(buildWorker(packageDir));
    const [, logPath] = /The whole log: (.+)/.exec(error.message);

    assert.equal(error.name, 'SetupError');
    assert.match(error.message, /no such instruction/);
    assert.match(await readFile(logPath, 'utf8'), /no such instruction/);
    assert.deepEqual(await cacheContents(packageDir), [logPath]);
  },
);

test(
  'a worker that compiles and does not start is not put into the cache',
  needsCompiler,
  async (t) => {
    const { packageDir } = await workspace(t);

    await writeFile(join(packageDir, 'worker/src/main.cpp'), 'int main() { return 3; }');

    const error = await rejection(buildWorker(packageDir));

    assert.match(error.message, /does not start: exit code 3/);
    assert.equal((await cacheContents(packageDir)).length, 1);
  },
);

for (const signal of ['SIGTERM', 'SIGKILL']) {
  test(
    `a build ended by ${signal} leaves no entry and does not block the next`,
    needsCompiler,
    async (t) => {
      const { dir, packageDir } = await workspace(t);
      const compiler = await blockingCompiler(dir);
      const build = startBuild(packageDir, { CXX: compiler.path });
      const compilerPid = Number(await readFile(compiler.started, 'utf8'));

      build.kill(signal);
      await once(build, 'close');
      if (signal === 'SIGKILL') {
        // Nobody could stop the compiler.
        process.kill(compilerPid);
      }
      await assert.rejects(stat(dirname(await builtWorkerPath(packageDir))), { code: 'ENOENT' });

      const binary = await buildWorker(packageDir);

      assert.equal(await whyWorkerDoesNotStart(binary), undefined);
      assert.deepEqual(await cacheContents(packageDir), [
        dirname(binary),
        `${dirname(binary)}.log`,
      ]);
    },
  );
}

test(
  'of two builds at a time one compiles and the other waits for its result',
  needsCompiler,
  async (t) => {
    const { dir, packageDir } = await workspace(t);
    const compiler = await blockingCompiler(dir);
    const first = startBuild(packageDir, { CXX: compiler.path });

    await readFile(compiler.started, 'utf8');

    const second = startBuild(packageDir, { CXX: '/bin/false' });
    const waiting = new RegExp(`waiting for process ${first.pid},`);

    await lineOf(second.stderr, waiting);
    await writeFile(compiler.release, '');

    const outputs = await Promise.all([text(first.stdout), text(second.stdout)]);
    const binary = await builtWorkerPath(packageDir);

    assert.deepEqual(outputs, [`${binary}\n`, `${binary}\n`]);
  },
);

async function workspace(t) {
  const dir = await temporaryFolder(t);

  setEnv(t, { SLUICE_CACHE_DIR: join(dir, 'cache'), CXX: undefined });
  return { dir, packageDir: await writeMediasoupPackage(join(dir, 'mediasoup')) };
}

async function failingCompiler(dir) {
  const path = join(dir, 'failing-compiler');

  return quoted(await writeProgram(path, 'echo "no such instruction" >&2; exit 1'));
}

/** CXX is a command, as for make: it may hold arguments. */
function quoted(path) {
  return `'${path}'`;
}

/** A compiler that tells its pid to the reader of `started` and goes on once `release` is written. */
async function blockingCompiler(dir) {
  const [started, release] = [join(dir, 'started'), join(dir, 'release')];
  const path = join(dir, 'blocking-compiler');

  spawnSync('mkfifo', [started, release]);
  await writeProgram(
    path,
    `if mkdir '${join(dir, 'first')}' 2>/dev/null; then
       echo $$ > '${started}'
       read -r line < '${release}'
     fi
     exec g++ "$@"`,
  );
  return { path: quoted(path), started, release };
}

function startBuild(packageDir, env) {
  return spawn(process.execPath, [BUILD_SCRIPT, packageDir], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function lineOf(stream, pattern) {
  for await (const line of createInterface({ input: stream })) {
    if (pattern.test(line)) {
      return;
    }
  }
  assert.fail(`no line matches ${pattern}`);
}

async function cacheContents(packageDir) {
  const dir = dirname(dirname(await builtWorkerPath(packageDir)));

  return (await readdir(dir)).sort().map((name) => join(dir, name));
}

async function rejection(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return assert.fail('expected a rejection');
}
