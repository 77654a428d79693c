import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { REPOSITORY_ROOT, reportOf } from '../cluster-under-test.js';
import { MakeRun } from '../make-run.js';
import { stillRunning } from '../processes.js';

const MINUTE_MS = 60_000;
/** The mediasoup worker, if it has to be built, takes most of it. */
const FULL_TIMEOUT_MS = 15 * MINUTE_MS;

// `full` has no caches either: that is what CI's own checkout starts from.
const full = process.env['SLUICE_FRESH_CLONE'] === 'full';

test(
  'a fresh clone needs make run and nothing else',
  async (context) => {
    if (!existsSync(join(REPOSITORY_ROOT, '.git'))) {
      context.skip('this is no git checkout, so there is nothing to clone');
    }
    const folder = mkdtempSync(join(tmpdir(), 'sluice-clone-'));
    const clone = join(folder, 'sluice');
    // Whoever owns this checkout: it is the one that is being tested.
    const trusting = ['-c', 'safe.directory=*'];
    execFileSync('git', [...trusting, 'clone', '--quiet', '--no-local', REPOSITORY_ROOT, clone]);
    const run = new MakeRun(clone, {
      PATH: withoutOurs(process.env['PATH'] ?? ''),
      ...(full && {
        npm_config_cache: join(folder, 'npm'),
        SLUICE_CACHE_DIR: join(folder, 'cache'),
      }),
    });
    try {
      const ready = await run.ready();
      expect((await fetch(ready.health)).status).toBe(200);
      expect(await (await fetch(ready.console)).text()).toContain('<script');
      expect(await reportOf(ready.api).nodes()).toHaveLength(2);
      const pids = run.processes(ready);
      await run.stop();
      expect(stillRunning(pids)).toBeUndefined();
      const changed = execFileSync('git', ['status', '--porcelain'], {
        cwd: clone,
        encoding: 'utf8',
      });
      expect(changed).toBe('');
    } finally {
      await run.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
  full ? FULL_TIMEOUT_MS : 5 * MINUTE_MS,
);

/** A PATH as before `make test` put this checkout's own runtime first. */
function withoutOurs(path: string): string {
  return path
    .split(':')
    .filter((entry) => !entry.startsWith(REPOSITORY_ROOT) && !entry.includes('node_modules'))
    .join(':');
}
