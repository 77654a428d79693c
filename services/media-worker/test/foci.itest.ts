import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { callUnary } from '@sluice/grpc-kit';
import { eventually } from '@sluice/testing';
import type { RunningMediaNode } from '../src/compose.js';
import { launchBrowser, openPage } from './browser.fixture.js';
import { startTestCluster, type TestCluster } from './cluster.fixture.js';
import { NodeCalls } from './session.fixture.js';
import { SignalingPage } from './signaling-page.fixture.js';

const TOKEN = 'what.they.want';
const LINGER_MS = 1_500;

let far: TestCluster;
let near: TestCluster;
let farNode: RunningMediaNode;
let nearNodes: RunningMediaNode[];
let farCalls: NodeCalls;
let nearCalls: NodeCalls[];
let door: Server;
let focus: string;
let browser: Browser;
let page: Page;
let rooms = 0;
let call: string;

beforeAll(async () => {
  [far, near, browser] = await Promise.all([
    startTestCluster(),
    startTestCluster(),
    launchBrowser(),
  ]);
  farNode = await far.startNode('far-1');
  farCalls = new NodeCalls(farNode);
  door = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.headers.authorization !== `Bearer ${TOKEN}`) {
        response.writeHead(401).end();
        return;
      }
      createAt(
        farCalls,
        farNode,
      )(Buffer.concat(chunks).toString()).then(
        (answer) => response.end(answer),
        () => response.writeHead(503).end(),
      );
    });
  });
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
  focus = `127.0.0.1:${String((door.address() as AddressInfo).port)}`;
  const variables = {
    SLUICE_FOCI_ALLOWED: `http://:${TOKEN}@${focus}`,
    SLUICE_FOCI_NAMES: 'near.example',
    SLUICE_RELAY_LINGER_MS: String(LINGER_MS),
  };
  nearNodes = [
    await near.startNode('near-1', variables),
    await near.startNode('near-2', variables),
  ];
  nearCalls = nearNodes.map((node) => new NodeCalls(node));
});

afterAll(async () => {
  farCalls.close();
  for (const calls of nearCalls) calls.close();
  door.close();
  await browser.close();
  await near[Symbol.asyncDispose]();
  await far[Symbol.asyncDispose]();
});

beforeEach(async () => {
  page = await openPage(browser);
  await SignalingPage.install(page);
  rooms += 1;
  call = `call-${String(rooms)}`;
});

afterEach(async () => {
  await page.close();
});

function createAt({ client }: NodeCalls, node: RunningMediaNode) {
  return async (sdp: string) => {
    const grants = {
      publish: true,
      subscribe: true,
      host: false,
      admin: false,
      create: false,
      ingest: false,
    };
    const { sdp: answer } = await callUnary(
      client,
      client.openDataChannelClient.bind(client),
      {
        clientId: randomUUID(),
        routerId: node.workers.list[0]?.routerId ?? '',
        room: '*',
        participant: `anonymous-${randomUUID()}`,
        username: 'somebody',
        connectionId: randomUUID(),
        grants,
        validMs: 3_600_000,
        roomsNeedCreator: false,
        sdp,
      },
      10_000,
    );
    return answer;
  };
}

const keys = (device = 'anna') => ({ call_id: call, device_id: device, purpose: 'camera' });
const there = () => ({ ...keys(), foci: focus });

async function publisher(): Promise<SignalingPage> {
  const anna = new SignalingPage(page, 'anna');
  await anna.connect(createAt(farCalls, farNode));
  expect(await anna.publish(keys())).toMatchObject({ event: 'publish' });
  return anna;
}

async function viewer(name: string, at: 0 | 1): Promise<SignalingPage> {
  const client = new SignalingPage(page, name);
  await client.connect(createAt(nearCalls[at]!, nearNodes[at]!));
  return client;
}

async function decodes(client: SignalingPage): Promise<void> {
  const before = (await client.shown()).reduce((sum, { framesDecoded }) => sum + framesDecoded, 0);
  await eventually(async () => {
    const now = (await client.shown()).reduce((sum, { framesDecoded }) => sum + framesDecoded, 0);
    return now > before + 2 ? undefined : `${String(now - before)} frames more`;
  }, 20_000);
}

/** Sessions that watch at the far server. */
async function pulls(): Promise<number> {
  const { sessions } = await farCalls.state();
  return sessions.filter(({ room, present }) => room === call && !present).length;
}

/** Processes that this one dials with. */
function dialingProcesses(): string[] {
  const children = execFileSync('ps', ['--ppid', String(process.pid), '-o', 'pid=,args='], {
    encoding: 'utf8',
  });
  return children
    .split('\n')
    .filter((line) => line.includes('dialing/agent.js'))
    .map((line) => line.trim().split(' ')[0] ?? '');
}

test('a stream of another server is pulled once for all, and let go', async () => {
  await publisher();
  const [ben, cora, dan] = [
    await viewer('ben', 0),
    await viewer('cora', 0),
    await viewer('dan', 1),
  ];
  const answers = await Promise.all([
    ben.subscribe(there()),
    cora.subscribeByOffer(there()),
    dan.subscribe(there()),
  ]);
  expect(answers.map(({ event }) => event)).toEqual(['subscribe', 'subscribe', 'subscribe']);
  await Promise.all([decodes(ben), decodes(cora), decodes(dan)]);
  await eventually(async () =>
    (await pulls()) === 1 ? undefined : `${String(await pulls())} pulls`,
  );
  for (const client of [ben, cora, dan]) {
    expect(await client.ask({ event: 'unsubscribe', id: 'bye', ...there() })).toMatchObject({
      event: 'unsubscribe',
    });
  }
  await eventually(async () => ((await pulls()) === 0 ? undefined : 'still pulled'), 15_000);
  expect(await ben.subscribe(there(), 'again')).toMatchObject({ event: 'subscribe' });
  await decodes(ben);
});

test('a crash of what dials takes nothing with it, and the stream comes back', async () => {
  await publisher();
  const ben = await viewer('ben', 0);
  await ben.subscribe(there());
  await decodes(ben);
  const before = dialingProcesses();
  expect(before.length).toBeGreaterThan(0);
  for (const pid of before) process.kill(Number(pid), 'SIGKILL');
  await eventually(() => {
    const now = dialingProcesses();
    return now.length > 0 && !now.some((pid) => before.includes(pid)) ? undefined : 'not dialled';
  });
  await decodes(ben);
  expect((await ben.heard()).filter(({ event }) => event === 'error')).toEqual([]);
});

test('only what the operator allows is dialled, and errors say why', async () => {
  const ben = await viewer('ben', 0);
  const denied = await ben.subscribe({ ...keys(), foci: '169.254.169.254' }, 'denied');
  expect(denied).toMatchObject({
    event: 'error',
    message: 'this server may not pull streams from there',
  });
  const missing = await ben.subscribe(there(), 'missing');
  expect(missing).toMatchObject({ event: 'error' });
  expect(missing.message).toContain('No Such Stream');
  // Ourselves, by our name.
  const own = await ben.subscribe({ ...keys(), foci: 'NEAR.example' }, 'own');
  expect(own.message).toContain('No Such Stream');
  expect(await pulls()).toBe(0);
});
