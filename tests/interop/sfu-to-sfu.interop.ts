import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Cluster } from '@sluice/local-cluster';
import { eventually } from '@sluice/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { reportOf, startClusterUnderTest } from '../cluster-under-test.js';
import { SfuToSfuViewer as Viewer } from '../sfu-to-sfu-viewer.js';
import { routableAddress } from './stage.js';

const PROGRAM = fileURLToPath(new URL('programs/sfu_to_sfu_aiortc.py', import.meta.url));
const PLAYBACK_TIMEOUT_MS = 30_000;
const FRAMES_TO_SEE = 20;

/** What a program said last. */
interface State {
  readonly port: number;
  readonly answered: string;
  readonly error: string;
  readonly audio: number;
  readonly video: number;
}

class Program {
  state: State | undefined;

  private constructor(private readonly child: ChildProcess) {
    createInterface(child.stdout!).on('line', (line) => {
      this.state = JSON.parse(line) as State;
    });
  }

  static start(...args: readonly string[]): Program {
    const stdio = ['ignore', 'pipe', 'inherit'] as const;
    return new Program(spawn('/usr/bin/python3', [PROGRAM, ...args], { stdio: [...stdio] }));
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
  }

  async decodes(): Promise<void> {
    await eventually(() => {
      const { audio = 0, video = 0 } = this.state ?? {};
      return video >= FRAMES_TO_SEE && audio > 0 ? undefined : JSON.stringify(this.state ?? {});
    }, PLAYBACK_TIMEOUT_MS);
  }
}

let foreign: Program;
let cluster: Cluster;
const running: Program[] = [];

beforeAll(async () => {
  foreign = Program.start('server');
  await eventually(() => (foreign.state?.port ? undefined : 'no port yet'));
  const node = {
    SLUICE_MEDIA_LISTEN_IP: routableAddress(),
    SLUICE_FOCI_ALLOWED: `http://127.0.0.1:${String(foreign.state?.port)}`,
  };
  cluster = await startClusterUnderTest('sfu-to-sfu', { overrides: { node } });
});

afterAll(async () => {
  await cluster.stop();
  await foreign.stop();
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((program) => program.stop()));
});

const createSession = () => `${new URL(cluster.api).origin}/createSession`;

async function device(call: string, name: string, watched: string): Promise<Program> {
  const token = await cluster.token({ subject: name, room: call });
  const program = Program.start('client', createSession(), token, call, name, watched);
  running.push(program);
  return program;
}

test('two devices made of aiortc publish and watch each other, by their own offers', async () => {
  const [anna, ben] = [await device('call', 'anna', 'ben'), await device('call', 'ben', 'anna')];
  await Promise.all([anna.decodes(), ben.decodes()]);
  expect(anna.state?.answered).toBe('publish subscribe ');
  const streams = await reportOf(cluster.api).streams('call');
  expect(streams.map(({ participant }) => participant).sort()).toEqual(['anna', 'ben']);
  // Placed in turn, so what they watch crosses from node to node.
  expect(new Set(streams.map(({ node }) => node)).size).toBe(2);
  expect(await reportOf(cluster.api).relays('call')).not.toHaveLength(0);
});

test('a page watches a stream of another server, made of aiortc', async () => {
  const focus = `127.0.0.1:${String(foreign.state?.port)}`;
  const keys = { call_id: 'elsewhere', purpose: 'm.usermedia', foci: focus };
  const viewer = await Viewer.open(createSession(), await cluster.token({ subject: 'viewer' }));
  try {
    const missing = await viewer.subscribe({ ...keys, device_id: 'nobody' });
    expect(missing).toContain('No Such Stream');
    expect(await viewer.subscribe({ ...keys, device_id: 'camera' })).toBe('');
    await viewer.decodes(FRAMES_TO_SEE);
    expect(await reportOf(cluster.api).streams(`${focus}/elsewhere`)).toHaveLength(1);
  } finally {
    await viewer.close();
  }
  // aiortc notices late that it was left; here nothing is pulled any more.
  await eventually(async () => {
    const pulled = await reportOf(cluster.api).streams(`${focus}/elsewhere`);
    return pulled.length === 0 ? undefined : 'still pulled';
  }, PLAYBACK_TIMEOUT_MS);
});
