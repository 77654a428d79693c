import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Cluster, Ready } from '@sluice/local-cluster';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BrowserKit } from '../browser/participant.js';
import { REPOSITORY_ROOT, startClusterUnderTest } from '../cluster-under-test.js';
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

describe.skipIf(lacks !== undefined)('a cluster behind a NAT', () => {
  beforeAll(async () => {
    namespace = await Namespace.create();
    nat = await namespace.translate();
    const { outsideAddress } = namespace.uplink;
    [outside, here] = await Promise.all([
      startClusterUnderTest('outside-nat', {
        nodes: 1,
        overrides: {
          gateway: { SLUICE_LISTEN: `${outsideAddress}:0` },
          node: { SLUICE_MEDIA_LISTEN_IP: outsideAddress },
        },
      }),
      BrowserKit.open(),
    ]);
    inside = await ClusterInside.start(namespace, {
      SLUICE_NODES: '1',
      SLUICE_LOCAL_LOG_FOLDER: join(REPOSITORY_ROOT, 'test-results', 'logs', 'inside-nat'),
      SLUICE_FOCI_ALLOWED: outside.origin,
    });
  });

  afterAll(async () => {
    await here.close();
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
});

if (lacks !== undefined) test('a cluster behind a NAT', (context) => context.skip(lacks));
