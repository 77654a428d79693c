import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Cluster } from '@sluice/local-cluster';
import { eventually } from '@sluice/testing';
import { residentBytes } from '../machine/memory.js';
import { startTwoNodes } from '../systems.js';
import { Inspector, inspectorUrlIn } from './inspector.js';
import { Newcomer } from './newcomer.js';

export interface IdlePlan {
  /** How many are there at once. */
  readonly sessions: number;
  readonly perRoom: number;
}

/** What each of many costs the process that serves it, in bytes. */
export interface MemoryEach {
  /** After garbage collection: living objects and the buffers they hold. */
  readonly heap: number;
  readonly resident: number;
}

export interface IdleMemory {
  readonly plan: IdlePlan;
  readonly bare: MemoryEach;
  /** Authenticated, in no room. */
  readonly connected: MemoryEach;
  /** In a room, with a session on a media node. */
  readonly joined: MemoryEach;
}

/** So that what the first ones make the process load and compile is not counted. */
const WARM_UP = 300;
const OPENED_AT_ONCE = 8;
const INSPECTED = { NODE_OPTIONS: '--inspect=127.0.0.1:0' };
const BARE = fileURLToPath(new URL('./bare-main.js', import.meta.url));

export async function measureIdleMemory(plan: IdlePlan): Promise<IdleMemory> {
  const bare = await measureBare(plan);
  return { plan, bare, ...(await measureGateway(plan)) };
}

async function measureBare({ sessions }: IdlePlan): Promise<MemoryEach> {
  const child = spawn(process.execPath, ['--inspect=127.0.0.1:0', BARE], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const complaints: string[] = [];
  child.stderr.on('data', (data: Buffer) => complaints.push(data.toString('utf8')));
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const { url } = JSON.parse(line) as { url: string };
  const memory = await Memory.of(child.pid ?? 0, inspectorUrlIn(complaints.join('')));
  try {
    for (const one of await all(WARM_UP, () => Newcomer.connect(url, ''))) one.leave();
    const before = await memory.now();
    await all(sessions, () => Newcomer.connect(url, ''));
    return each(before, await memory.now(), sessions);
  } finally {
    memory.close();
    child.stdin.end();
    if (child.exitCode === null) await once(child, 'exit');
  }
}

async function measureGateway({ sessions, perRoom }: IdlePlan) {
  const { cluster } = await startTwoNodes({ overrides: { gateway: INSPECTED } });
  const [gateway] = cluster.services('gateway');
  const memory = await Memory.of(gateway?.pid ?? 0, inspectorUrlIn(cluster.logOf('gateway-1')));
  const connect = async (index: number) =>
    Newcomer.connect(cluster.ws, await cluster.token({ subject: `idle-${index}` }));
  const enter = async (newcomer: Newcomer, index: number) =>
    newcomer.enter(`room-${Math.floor(index / perRoom)}`);
  try {
    const first = await all(WARM_UP, connect);
    await all(WARM_UP, (index) => enter(first[index]!, index));
    for (const one of first) one.leave();
    await untilEmpty(cluster);
    const before = await memory.now();
    const idle = await all(sessions, connect);
    const connected = each(before, await memory.now(), sessions);
    await all(sessions, (index) => enter(idle[index]!, index));
    return { connected, joined: each(before, await memory.now(), sessions) };
  } finally {
    memory.close();
    await cluster.stop();
  }
}

async function untilEmpty(cluster: Cluster): Promise<void> {
  await eventually(async () => {
    const nodes = (await (await fetch(`${cluster.api}/nodes`)).json()) as { sessions: number }[];
    const left = nodes.reduce((total, node) => total + node.sessions, 0);
    return left === 0 ? undefined : `${left} sessions are left`;
  });
}

/** Opens that many, a few at a time. */
async function all<T>(count: number, open: (index: number) => Promise<T>): Promise<readonly T[]> {
  const opened: T[] = [];
  const left = Array.from({ length: count }, (_, index) => index).values();
  const opening = async (): Promise<void> => {
    for (const index of left) opened[index] = await open(index);
  };
  await Promise.all(Array.from({ length: OPENED_AT_ONCE }, opening));
  return opened;
}

/** Memory of one process, once what is garbage has been collected. */
class Memory {
  private constructor(
    private readonly pid: number,
    private readonly inspector: Inspector,
  ) {}

  static async of(pid: number, inspectorUrl: string): Promise<Memory> {
    return new Memory(pid, await Inspector.attach(inspectorUrl));
  }

  async now(): Promise<MemoryEach> {
    await this.inspector.collectGarbage();
    return { heap: await this.inspector.heapBytes(), resident: residentBytes(this.pid) };
  }

  close(): void {
    this.inspector.close();
  }
}

function each(before: MemoryEach, after: MemoryEach, count: number): MemoryEach {
  return {
    heap: (after.heap - before.heap) / count,
    resident: (after.resident - before.resident) / count,
  };
}
