import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@sluice/testing';
import { expect } from 'vitest';
import { isRunning } from '../processes.js';
import type { Caller } from './caller.js';
import { Drill } from './drill.js';
import { ownerOfUdpPort } from './socket-owner.js';

const STOP_MS = 5_000;
const DEATHS_TO_QUARANTINE = 3;
/** Longer than a worker that died waits to be started again. */
const RESTART_MS = 3_000;

const drill = Drill.ofThisFile('media-nodes', {
  workersPerNode: 2,
  overrides: { gateway: { SLUICE_TRUST_PROXY: '1' } },
});

drill.fault(
  'worker-killed',
  async ({ call }) => {
    const [alice] = call.callers;
    const node = await alice!.node();
    // One that dies run after run is left alone.
    drill.wearOut(node);
    const workers = drill.workersOf(node);
    const doomed = await requireHomeWorkerOf(alice!, workers);
    const untouched: Caller[] = [];
    for (const caller of call.callers) {
      if ((await homeWorkerOf(caller, workers)) !== doomed) untouched.push(caller);
    }

    process.kill(doomed, 'SIGKILL');

    await eventually(() => (isRunning(doomed) ? 'still runs' : undefined));
    await call.plays();
    for (const pid of workers) expect(isRunning(pid)).toBe(pid !== doomed);
    expect((await drill.nodes()).find(({ id }) => id === node)?.state).toBe('serving');
    expect(untouched).not.toContain(alice);
    for (const caller of untouched) expect(await toldSinceOf(caller)).not.toContain('move');
  },
  { callers: 4 },
);

drill.fault('node-killed', async ({ call }) => {
  const node = await call.callers[0]!.node();
  await drill.signalAll(node, 'SIGKILL');
  await call.plays();
  await call.isListedAsItIs();
  for (const caller of call.callers) expect(await caller.node()).not.toBe(node);
});

drill.fault('node-stopped', async ({ call }) => {
  const node = await call.callers[0]!.node();
  await drill.signalAll(node, 'SIGSTOP');
  try {
    await delay(STOP_MS);
  } finally {
    await drill.signalAll(node, 'SIGCONT');
  }
  await call.plays();
  await call.isListedAsItIs();
  await eventually(async () => {
    const state = (await drill.nodes()).find(({ id }) => id === node)?.state;
    return state === 'serving' ? undefined : `the node is ${state}`;
  }, 20_000);
});

drill.fault('worker-dies-again', async ({ call }) => {
  const [alice] = call.callers;
  const node = await alice!.node();
  drill.wearOut(node);
  let dying = await requireHomeWorkerOf(alice!, drill.workersOf(node));
  const spared = drill.workersOf(node).filter((pid) => pid !== dying);
  for (let deaths = 1; deaths <= DEATHS_TO_QUARANTINE; deaths += 1) {
    process.kill(dying, 'SIGKILL');
    await eventually(() => (isRunning(dying) ? 'still runs' : undefined));
    if (deaths === DEATHS_TO_QUARANTINE) break;
    await eventually(() => {
      const again = runningWorkersOf(node).find((pid) => !spared.includes(pid));
      dying = again ?? dying;
      return again === undefined ? 'is not started again' : undefined;
    });
  }
  await call.plays();
  await delay(RESTART_MS);
  expect(runningWorkersOf(node)).toEqual(spared);
  expect((await drill.nodes()).find(({ id }) => id === node)?.state).toBe('serving');
});

function runningWorkersOf(node: string): readonly number[] {
  return drill.workersOf(node).filter(isRunning);
}

/** Of somebody who is known to be on that node: the page's statistics may be a moment behind. */
async function requireHomeWorkerOf(caller: Caller, workers: readonly number[]): Promise<number> {
  let owner: number | undefined;
  await eventually(async () => {
    owner = await homeWorkerOf(caller, workers);
    return owner === undefined ? 'media goes to none of these workers' : undefined;
  });
  return owner!;
}

/** Which of these processes a caller's media goes to; undefined where it goes to another node. */
async function homeWorkerOf(
  caller: Caller,
  workers: readonly number[],
): Promise<number | undefined> {
  const [port] = await caller.serverPorts();
  return port === undefined ? undefined : ownerOfUdpPort(port, workers);
}

async function toldSinceOf(caller: Caller): Promise<readonly string[]> {
  const { messages } = await caller.signaling();
  return messages.filter(({ atMs }) => atMs > 0).map(({ type }) => type);
}
