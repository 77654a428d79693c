// What `make faults` starts once the npm packages are there: each fault SLUICE_FAULT_RUNS times, and
// docs/faults.md from what they came to.
import { spawnSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { ensureBuilt } from '../../deploy/local/build.mjs';
import { ensureNatsServer } from '../../deploy/setup/nats-server.mjs';
import { repositoryRoot } from '../../deploy/setup/repository-root.mjs';
import { say } from '../../deploy/setup/say.mjs';
import { SetupError } from '../../deploy/setup/setup-error.mjs';
import { ensureTestTools } from '../../deploy/setup/test-tools.mjs';
import { ensureWorker } from '../../deploy/setup/worker.mjs';

const RUNS = '20';
/** Each drill keeps about one core busy, and the machine has more to do. */
const CORES_FOR_THREE = 4;

try {
  process.env.MEDIASOUP_WORKER_BIN = await ensureWorker();
  process.env.SLUICE_NATS_SERVER = await ensureNatsServer();
  process.env.SLUICE_CHROMIUM = (await ensureTestTools()).chromium;
  await ensureBuilt();
} catch (error) {
  say(error instanceof SetupError ? `\n${error.message}` : error.stack);
  process.exit(1);
}

process.env.SLUICE_FAULT_RUNS ??= RUNS;
await rm(join(repositoryRoot, 'test-results', 'faults'), { recursive: true, force: true });

const options = { cwd: repositoryRoot, stdio: 'inherit' };

if (availableParallelism() >= CORES_FOR_THREE) {
  process.env.SLUICE_FAULT_LANES ??= '3';
}

const { status } = spawnSync('vitest', ['run', '--project', 'faults'], options);

await import('../dist/faults/write-report.js');
spawnSync('prettier', ['--write', '--log-level', 'warn', 'docs/faults.md'], options);
process.exitCode = status ?? 1;
