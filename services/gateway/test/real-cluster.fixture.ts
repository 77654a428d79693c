import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { dyingWithUs, eventually, freePort, startNatsServer } from '@sluice/testing';
import { CLUSTER_SECRET, startGateway, type GatewayProcess } from './gateway-process.fixture.js';

const main = (service: string) =>
  fileURLToPath(new URL(`../../${service}/dist/main.js`, import.meta.url));

/** A real nats-server, directory and media node, and two gateways behind haproxy. */
export interface RealCluster {
  /** ws://host:port/ws of the load balancer. */
  readonly ws: string;
  readonly gateways: readonly [GatewayProcess, GatewayProcess];
  /** Starts another media node, and resolves when the directory knows it. */
  addNode(id: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startRealCluster(): Promise<RealCluster> {
  const stops: (() => unknown)[] = [];
  const nats = await startNatsServer();
  stops.push(() => nats.stop());
  const shared = { SLUICE_NATS_URL: nats.url, SLUICE_CLUSTER_SECRET: CLUSTER_SECRET };
  const directory = await startService('stream-directory', shared, stops);
  const connected = { ...shared, SLUICE_DIRECTORY_ADDRESSES: directory };
  const startTwo = () =>
    startGateway({ ...connected, SLUICE_TRUST_PROXY: '1', SLUICE_API_ANONYMOUS_READ: 'true' });
  const gateways = await Promise.all([startTwo(), startTwo()]);
  for (const gateway of gateways) stops.push(() => gateway.stop());
  const ws = await startBalancer(gateways, stops);
  const addNode = async (id: string) => {
    await startService('media-worker', { ...connected, SLUICE_NODE_ID: id }, stops);
    await eventually(async () => {
      const response = await fetch(`${gateways[1].http}/api/v1/nodes`);
      const rows = response.ok ? ((await response.json()) as { id: string }[]) : [];
      return rows.some((row) => row.id === id) ? undefined : 'the node is not known';
    }, 20_000);
  };
  await addNode('node-1');
  return {
    ws,
    gateways,
    addNode,
    async stop() {
      for (const stop of stops.reverse()) await stop();
    },
  };
}

/** Returns its gRPC address. */
async function startService(
  service: string,
  environment: Readonly<Record<string, string>>,
  stops: (() => unknown)[],
): Promise<string> {
  const { PATH, MEDIASOUP_WORKER_BIN } = process.env;
  const child = spawn(...dyingWithUs(process.execPath, [main(service)]), {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH,
      ...(MEDIASOUP_WORKER_BIN === undefined ? {} : { MEDIASOUP_WORKER_BIN }),
      ...environment,
    },
  });
  stops.push(() => ended(child));
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) {
    const { msg, grpc } = JSON.parse(line) as { msg?: string; grpc?: string };
    if (msg !== 'listening' || grpc === undefined) continue;
    child.stdout.resume();
    return grpc;
  }
  throw new Error(`${service} did not start`);
}

/** Balances as an operator would set it up; returns its WebSocket URL. */
async function startBalancer(
  gateways: readonly GatewayProcess[],
  stops: (() => unknown)[],
): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-haproxy-'));
  const port = await freePort();
  const servers = gateways.map(
    ({ http }, index) => `  server gateway-${String(index)} ${new URL(http).host} check`,
  );
  writeFileSync(
    join(folder, 'haproxy.cfg'),
    `defaults
  mode http
  timeout connect 1s
  timeout check 3s
  timeout client 1h
  timeout server 1h
  retries 2
  option redispatch 1
  option forwardfor
listen gateways
  bind 127.0.0.1:${String(port)}
  balance roundrobin
  option httpchk GET /health
  default-server inter 200ms fall 2 rise 1 on-marked-down shutdown-sessions
${servers.join('\n')}
`,
  );
  const child = spawn(...dyingWithUs('haproxy', ['-db', '-f', join(folder, 'haproxy.cfg')]), {
    stdio: ['ignore', 'ignore', 'ignore'],
    env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin` },
  });
  stops.push(async () => {
    await ended(child);
    rmSync(folder, { recursive: true });
  });
  await eventually(() => accepts(port));
  return `ws://127.0.0.1:${String(port)}/ws`;
}

function accepts(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once('error', (error) => resolve(error.message));
  });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}
