import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Stands where the real services are: starts in a moment, knows nothing, dies when asked to. */
const SERVICE = `
import { createServer } from 'node:http';
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';

if (process.env.STUB_PIDS_FILE) appendFileSync(process.env.STUB_PIDS_FILE, process.pid + '\\n');
const behaviour = process.env.STUB_BEHAVIOUR ?? '';
if (behaviour === 'fails') {
  console.error('no such luck');
  process.exit(78);
}
if (behaviour === 'ignores SIGTERM') {
  process.on('SIGTERM', () => undefined);
  const child = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)']);
  console.log(JSON.stringify({ msg: 'child', pid: child.pid }));
}
const [host, port] = (process.env.SLUICE_LISTEN ?? '127.0.0.1:0').split(':');
const nodes = ['node-1', 'node-2'].map((id) => ({ id, state: 'serving' }));
const server = createServer((request, response) => {
  if (request.url === '/exit') process.exit(3);
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(request.url.endsWith('/nodes') ? nodes : {}));
});
server.listen(Number(port), host, () => {
  const url = 'http://127.0.0.1:' + server.address().port;
  console.log(JSON.stringify({ msg: 'listening', http: url, admin: url, grpc: url.slice(7) }));
});
`;

/** A folder like this repository's, but for what its services are. */
export class StubRepository {
  readonly path = mkdtempSync(join(tmpdir(), 'sluice-stubs-'));

  constructor() {
    for (const service of ['stream-directory', 'media-worker', 'gateway']) {
      const folder = join(this.path, 'services', service, 'dist');
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'main.js'), SERVICE);
    }
    writeFileSync(join(this.path, 'package.json'), '{ "type": "module" }');
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
