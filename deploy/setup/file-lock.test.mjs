import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { withFileLock } from './file-lock.mjs';
import { identifyProcess, isRunning } from './running-process.mjs';
import { temporaryFolder } from './temporary-folder.fixture.mjs';

const neverWaits = (pid) => assert.fail(`waits for process ${pid}`);

test('only one holds the lock at a time', async (t) => {
  const lockPath = join(await temporaryFolder(t), 'lock');
  let holders = 0;
  const work = async () => {
    holders += 1;
    assert.equal(holders, 1);
    await nextTurn();
    holders -= 1;
  };

  await Promise.all([1, 2, 3].map(() => withFileLock(lockPath, { work, onWait: () => {} })));
});

test('the lock is free again, and nothing left behind, after work that fails', async (t) => {
  const dir = await temporaryFolder(t);
  const fail = async () => {
    throw new Error('no luck');
  };

  await assert.rejects(
    withFileLock(join(dir, 'lock'), { work: fail, onWait: neverWaits }),
    /no luck/,
  );
  assert.deepEqual(await readdir(dir), []);
});

for (const [holder, lock] of Object.entries({
  'a process that is gone': identityOfEndedProcess(),
  'an earlier process that had the pid of one that runs': `${process.pid} 1`,
  'something unreadable': '',
})) {
  test(`a lock held by ${holder} is taken over`, async (t) => {
    const dir = await temporaryFolder(t);
    const lockPath = join(dir, 'lock');

    await writeFile(lockPath, lock);
    assert.equal(
      await withFileLock(lockPath, { work: async () => 'done', onWait: neverWaits }),
      'done',
    );
    assert.deepEqual(await readdir(dir), []);
  });
}

test('a process is told from a later one with its pid', () => {
  assert.ok(isRunning(identifyProcess(process.pid)));
  assert.ok(!isRunning(`${process.pid} 1`));
});

function identityOfEndedProcess() {
  const { pid } = spawnSync(process.execPath, ['--version']);

  return `${pid} 1`;
}
