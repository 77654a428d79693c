// What `make run` starts once the npm packages are there: sets up the rest, then is the launcher.
import { ensureNatsServer } from '../setup/nats-server.mjs';
import { say } from '../setup/say.mjs';
import { SetupError } from '../setup/setup-error.mjs';
import { ensureWorker } from '../setup/worker.mjs';
import { ensureBuilt } from './build.mjs';

// A signal's default action would leave half-done work of the set-up behind.
const stopSetUp = () => process.exit(130);

process.on('SIGINT', stopSetUp);
process.on('SIGTERM', stopSetUp);
try {
  process.env.MEDIASOUP_WORKER_BIN = await ensureWorker();
  process.env.SLUICE_NATS_SERVER = await ensureNatsServer();
  say('building what has changed');
  await ensureBuilt();
} catch (error) {
  say(error instanceof SetupError ? `\n${error.message}` : error.stack);
  process.exit(1);
}
process.removeListener('SIGINT', stopSetUp);
process.removeListener('SIGTERM', stopSetUp);

await import('./dist/main.js');
