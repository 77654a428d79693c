// What `make bench` starts once the npm packages are there.
import { ensureNatsServer } from '../deploy/setup/nats-server.mjs';
import { say } from '../deploy/setup/say.mjs';
import { SetupError } from '../deploy/setup/setup-error.mjs';
import { ensureTestTools } from '../deploy/setup/test-tools.mjs';
import { ensureWorker } from '../deploy/setup/worker.mjs';
import { ensureBuilt } from '../deploy/local/build.mjs';

try {
  process.env.MEDIASOUP_WORKER_BIN = await ensureWorker();
  process.env.SLUICE_NATS_SERVER = await ensureNatsServer();
  process.env.SLUICE_CHROMIUM = (await ensureTestTools()).chromium;
  await ensureBuilt();
} catch (error) {
  say(error instanceof SetupError ? `\n${error.message}` : error.stack);
  process.exit(1);
}

await import('./dist/main.js');
