import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Cluster, Ready } from '@sluice/local-cluster';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually, freePort } from '@sluice/testing';
import { BrowserKit, type BrowserParticipant } from '../browser/participant.js';
import { seeVideo } from '../browser/playback.js';
import {
  REPOSITORY_ROOT,
  reportOf,
  startClusterUnderTest,
  type Stream,
} from '../cluster-under-test.js';
import { SfuToSfuViewer } from '../sfu-to-sfu-viewer.js';
import { Namespace, type Nat } from './namespace.js';

const READY = 'READY ';
const FRAMES_TO_SEE = 20;
const lacks = Namespace.lacks();

/** A whole cluster in a namespace, as `make run` starts one. */
class ClusterInside {
  private constructor(
    private readonly child: ChildProcess,
    readonly ready: Ready,
  ) {}

  static async start(namespace: Namespace, environment: Record<string, string>) {
    const main = join(REPOSITORY_ROOT, 'deploy/local/dist/main.js');
    const [command, args] = namespace.place(process.execPath, [main]);
    const child = spawn(command, args, {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const line of createInterface({ input: child.stdout })) {
      if (!line.startsWith(READY)) continue;
      child.stdout.resume();
      return new ClusterInside(child, JSON.parse(line.slice(READY.length)) as Ready);
    }
    throw new Error('the cluster inside did not start');
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await exited;
  }
}

let namespace: Namespace;
let nat: Nat;
let outside: Cluster;
let inside: ClusterInside;
let here: BrowserKit;
let there: BrowserKit;

/** Where trunks without a room of their own meet. */
const ROOM = 'umbrella';
/** The side that is dialled hears last that a way is gone. */
const RECONNECTED_MS = 90_000;
const PICTURE = { room: ROOM, video: { width: 320, height: 240, layers: 1 } } as const;

/** Sees what came to a cluster over its trunk, once that is newer; says of which epoch it is. */
async function watchImported(viewer: BrowserParticipant, api: string, than = 0): Promise<number> {
  let found: Stream | undefined;
  await eventually(async () => {
    const streams = await reportOf(api).streams(ROOM);
    const imported = streams.filter(({ participant }) => participant.startsWith('umbrella-'));
    [found] = imported;
    if (imported.length !== 1) return `${imported.length} streams came over the trunk`;
    return found!.epoch > than ? undefined : 'it did not come again';
  }, RECONNECTED_MS);
  const { participant: publisher, purpose, epoch } = found!;
  await viewer.subscribe({ room: ROOM, publisher, purpose });
  await seeVideo(viewer, { publisher, purpose });
  return epoch;
}

async function tokenInside(subject: string): Promise<string> {
  const { api, token } = inside.ready;
  const response = await fetch(`${api}/tokens`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
    body: JSON.stringify({ subject }),
  });
  return ((await response.json()) as { readonly token: string }).token;
}

/** Has the cluster inside keep a trunk to the one outside. */
async function dialOutside(api: string): Promise<void> {
  const query = new URLSearchParams({ token: await outside.token({ subject: 'inside' }) });
  const url = Buffer.from(`${outside.origin.replace(/^http/, 'ws')}/wsb?${query.toString()}`);
  const length = [(url.length & 127) | 128, url.length >> 7];
  const response = await fetch(`${new URL(api).origin}/servers`, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/x-protobuf',
      Authorization: `Bearer ${inside.ready.token}`,
    },
    body: Buffer.from([0x0a, ...length, ...url]),
  });
  expect(response.status).toBe(200);
}

describe.skipIf(lacks !== undefined)('a cluster behind a NAT', () => {
  beforeAll(async () => {
    namespace = await Namespace.create();
    nat = await namespace.translate();
    const { outsideAddress } = namespace.uplink;
    [outside, here, there] = await Promise.all([
      startClusterUnderTest('outside-nat', {
        nodes: 1,
        overrides: {
          gateway: { SLUICE_LISTEN: `${outsideAddress}:0` },
          node: { SLUICE_MEDIA_LISTEN_IP: outsideAddress },
        },
      }),
      BrowserKit.open(),
      BrowserKit.open(namespace.place),
    ]);
    inside = await ClusterInside.start(namespace, {
      SLUICE_NODES: '1',
      // Shown here, too.
      SLUICE_PORT: String(await freePort()),
      SLUICE_LOCAL_LOG_FOLDER: join(REPOSITORY_ROOT, 'test-results', 'logs', 'inside-nat'),
      SLUICE_FOCI_ALLOWED: outside.origin,
    });
    await namespace.lead(Number(new URL(there.pageUrl).port));
    await namespace.show(Number(new URL(inside.ready.api).port));
  });

  afterAll(async () => {
    await Promise.all([here.close(), there.close()]);
    await inside.stop();
    await outside.stop();
    await namespace.close();
  });

  test('pulls from one outside, and what it pulls is seen', async () => {
    const room = 'call';
    const alice = await here.participant(outside.ws, await outside.token({ subject: 'alice' }));
    await alice.join(room);
    await alice.publish({ room, audio: true, video: { width: 320, height: 240, layers: 1 } });
    const before = await nat.connections();

    const url = `${new URL(inside.ready.api).origin}/createSession`;
    const ben = await SfuToSfuViewer.open(url, '', namespace);
    const keys = { call_id: room, device_id: 'alice', purpose: 'm.usermedia' };
    expect(await ben.subscribe({ ...keys, foci: new URL(outside.origin).host })).toBe('');
    await ben.decodes(FRAMES_TO_SEE);
    // The request to /createSession, and the PeerConnection.
    expect(await nat.connections()).toBeGreaterThanOrEqual(before + 2);
    await ben.close();
    await alice.leave();
  });

  test('keeps a trunk to one outside, both ways, also when the NAT has forgotten it', async () => {
    const { api, ws } = inside.ready;
    const enterOutside = async (subject: string) =>
      here.participant(outside.ws, await outside.token({ subject }));
    const enterInside = async (subject: string) =>
      there.participant(ws, await tokenInside(subject));
    const [cora, dan] = [await enterOutside('cora'), await enterInside('dan')];
    for (const publisher of [cora, dan]) {
      await publisher.join(ROOM);
      await publisher.publish(PICTURE);
    }
    const before = await nat.connections();
    await dialOutside(api);
    const epochs = await Promise.all([watchImported(cora, outside.api), watchImported(dan, api)]);
    // The WebSocket, and a PeerConnection each way.
    expect(await nat.connections()).toBeGreaterThanOrEqual(before + 3);

    await nat.forget();
    const [erin, finn] = [await enterOutside('erin'), await enterInside('finn')];
    for (const viewer of [erin, finn]) await viewer.join(ROOM);
    await Promise.all([
      watchImported(erin, outside.api, epochs[0]),
      watchImported(finn, api, epochs[1]),
    ]);
    for (const one of [cora, dan, erin, finn]) await one.leave();
  }, 180_000);
});

if (lacks !== undefined) test('a cluster behind a NAT', (context) => context.skip(lacks));
