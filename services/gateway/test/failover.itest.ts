import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '@sluice/testing';
import { PageServer, launchChromium } from '@sluice/testing/browser';
import { tokens } from './fake-cluster-run.fixture.js';
import { startRealCluster, type RealCluster } from './real-cluster.fixture.js';
import { ResumingClient } from './resuming-client.fixture.js';
import { mediaPage, type MediaReading } from './media-page.fixture.js';

const CLIENTS = 200;
const ROOMS = 20;
const ALL_BACK_MS = 30_000;

let cluster: RealCluster;

beforeAll(async () => {
  cluster = await startRealCluster();
}, 60_000);

afterAll(async () => {
  await cluster.stop();
});

async function connectAll(): Promise<ResumingClient[]> {
  const clients: ResumingClient[] = [];
  for (let index = 0; index < CLIENTS; index += 1) {
    const subject = `client-${String(index)}`;
    const address = `127.0.1.${String(1 + (index % 100))}`;
    const token = await tokens.issue({ subject });
    const client = new ResumingClient(subject, cluster.ws, token, address);
    clients.push(client);
    const roomName = `room ${String(index % ROOMS)}`;
    await eventually(() => (client.has('authenticated') ? undefined : 'not let in'));
    client.join(roomName);
  }
  await eventually(() => missing(clients, (client) => client.has('room-joined')), ALL_BACK_MS);
  for (const client of clients) client.forget();
  return clients;
}

function missing(
  clients: readonly ResumingClient[],
  has: (client: ResumingClient) => boolean,
): string | undefined {
  const without = clients.filter((client) => !has(client));
  const [example] = without;
  return example
    ? `${String(without.length)} are not there, one after ${JSON.stringify(example.received.at(-1))}`
    : undefined;
}

async function sessionsOn(http: string): Promise<number> {
  const rows = (await (await fetch(`${http}/api/v1/nodes`)).json()) as { sessions: number }[];
  return rows.reduce((sum, { sessions }) => sum + sessions, 0);
}

test('killed under 200 clients behind a load balancer, a gateway is replaced by the other: all are back, none was seen to leave, media flows on', async () => {
  const [doomed, survivor] = cluster.gateways;
  const browser = await launchChromium();
  const pages = await PageServer.start('/nowhere');
  try {
    const page = await browser.newPage();
    await page.goto(pages.url);
    const token = (subject: string) => tokens.issue({ subject });
    const media = await mediaPage(page, {
      ws: cluster.ws,
      tokens: [await token('publisher'), await token('viewer')],
    });
    await eventually(
      async () => ((await media.read()).frames > 10 ? undefined : 'no picture'),
      20_000,
    );
    const clients = await connectAll();
    await media.reset();

    const killedAtMs = performance.now();
    await doomed.stop('SIGKILL');
    const lost = () => clients.filter(({ losses }) => losses > 0);
    await eventually(() => (lost().length > 0 ? undefined : 'nobody noticed'));
    await eventually(
      () => missing(clients, ({ losses, resumed }) => losses === 0 || resumed.length > 0),
      ALL_BACK_MS,
    );
    const allBackMs = performance.now() - killedAtMs;
    await eventually(async () => ((await media.read()).resumed > 0 ? undefined : 'not resumed'));
    const reading: MediaReading = await media.read();
    console.log(
      `${String(lost().length)} of ${String(CLIENTS)} clients lost their gateway; ` +
        `all back after ${allBackMs.toFixed(0)} ms; ` +
        `longest time without a new frame ${reading.longestGapMs.toFixed(0)} ms`,
    );

    // haproxy spreads them evenly; each is in its room as before.
    expect(lost().length).toBeGreaterThan(CLIENTS / 4);
    for (const client of lost()) expect(client.resumed.at(-1)?.rooms).toHaveLength(1);
    // What a node says of itself is as old as its last heartbeat.
    await eventually(async () => {
      const sessions = await sessionsOn(survivor.http);
      return sessions === CLIENTS + 2 ? undefined : `${String(sessions)} sessions`;
    });
    // The PeerConnections are the same ones, and their frames went on meanwhile.
    expect(reading.connections).toBe(2);
    expect(reading.frames).toBeGreaterThan(0);
    const frames = reading.frames;
    await eventually(async () =>
      (await media.read()).frames > frames + 10 ? undefined : 'no more frames',
    );

    // Whoever leaves now is the first that anybody hears of leaving.
    const [first] = clients;
    first!.leave();
    const room = clients.filter((_, index) => index % ROOMS === 0).slice(1);
    await eventually(() => missing(room, (client) => client.has('user-left')));
    for (const client of clients) {
      const left = client.received.filter(({ type }) => type === 'user-left');
      expect(left).toHaveLength(room.includes(client) ? 1 : 0);
    }
    for (const client of clients.slice(1)) client.leave();
  } finally {
    await browser.close();
    await pages.stop();
  }
}, 180_000);
