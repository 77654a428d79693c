// Starts the cluster of compose.yaml, waits until it serves, and says how to reach it.
import { join } from 'node:path';
import { URLSearchParams } from 'node:url';

import { dockerAnswers } from '../setup/docker.mjs';
import { runAsScript } from '../setup/entry-point.mjs';
import { runCommand } from '../setup/run-command.mjs';
import { SetupError } from '../setup/setup-error.mjs';
import { compose, readVariables } from './command.mjs';

const LOCAL_PREFIX = 'sluice/';
const SECRETS = ['SLUICE_CLUSTER_SECRET', 'SLUICE_TOKEN_SECRET'];
const DEMO_ROOM = 'demo';

async function main() {
  if (!(await dockerAnswers())) {
    throw new SetupError('No Docker engine answers here, or not to this user.');
  }
  // Secrets may come from elsewhere.
  if (SECRETS.some((name) => !process.env[name])) await import('./environment.mjs');
  readVariables();
  await requireImages();

  const { exitCode } = await compose(['up', '--detach', '--wait']);

  if (exitCode !== 0) {
    throw new SetupError(
      'The cluster did not come up; what is above says why, or `docker logs` of the service that is not healthy.\nA port that is taken: SLUICE_PORT, SLUICE_MEDIA_PORT_1 and so on, in deploy/compose/.env (deploy/compose/README.md).\n`make down` removes what was started.',
    );
  }
  process.stdout.write(announcement(origins(), await administratorToken()));
}

/** Ours are built here and in no registry, unless somebody says where they are. */
async function requireImages() {
  const { exitCode, output } = await compose(['config', '--images'], { silent: true });

  if (exitCode !== 0) throw new SetupError('Docker Compose refuses compose.yaml, see above.');
  for (const image of new Set(output.split('\n'))) {
    if (!image.startsWith(LOCAL_PREFIX)) continue;
    const found = await runCommand('docker', ['image', 'inspect', image], { timeoutMs: 10_000 });

    if (found.exitCode !== 0) {
      throw new SetupError(`There is no image ${image} here. Build it first: make images`);
    }
  }
}

/** Where a browser on this machine finds the cluster, the proxy of the profile tls first. */
function origins() {
  const {
    COMPOSE_PROFILES = '',
    SLUICE_LISTEN_ADDRESS: listening = '127.0.0.1',
    SLUICE_PORT: port = '8080',
    SLUICE_TLS_PORT: tlsPort = '8443',
    SLUICE_PATH_PREFIX: prefix = '/sluice',
  } = process.env;
  const host = listening === '0.0.0.0' ? '127.0.0.1' : listening;
  const tls = COMPOSE_PROFILES.split(',').includes('tls');

  return [...(tls ? [`https://${host}:${tlsPort}${prefix}`] : []), `http://${host}:${port}`];
}

async function administratorToken() {
  const { output } = await runCommand(process.execPath, [join(import.meta.dirname, 'token.mjs')]);

  return output.trim();
}

function announcement(addresses, token) {
  const project = process.env.COMPOSE_PROJECT_NAME ?? 'sluice';
  const fragment = new URLSearchParams({ token, room: DEMO_ROOM });

  return `
Sluice runs in containers: 3 media nodes, 2 gateways, 2 directories, 3 NATS servers.

  Open this page in two browsers and join the same room:
${addresses.map((address) => `    ${address}/#${fragment}\n`).join('')}
  Command line  make build    (once)
                export SLUICE_API=${addresses.at(-1)} SLUICE_TOKEN=${token}
                npx sluice nodes
  Logs          docker logs --follow ${project}-gateway-1
  Stop          make down

  One node serves both while it has room; SLUICE_PLACEMENT=spread make up spreads them.
  The link holds an administrator's token, good for a day. Other addresses, ports, TLS, and
  Prometheus with Grafana: deploy/compose/README.md.
`;
}

runAsScript(import.meta.url, main);
