import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@sluice/testing';
import { expect } from 'vitest';
import { RawClient } from '../raw-client.js';
import { isRunning } from '../processes.js';
import type { Call } from './call.js';
import type { Caller } from './caller.js';
import { Drill } from './drill.js';
import { ownerOfUdpPort } from './socket-owner.js';

const STALL_MS = 3_000;
const STOP_MS = 5_000;
const DRAIN_MS = 10_000;
const JOINS = 20;
const JOIN_INTERVAL_MS = 100;
const DEATHS_TO_QUARANTINE = 3;
/** Longer than a worker that died waits to be started again. */
const RESTART_MS = 3_000;

const drill = Drill.ofThisFile('services', {
  workersPerNode: 2,
  overrides: { gateway: { SLUICE_TRUST_PROXY: '1' } },
});

drill.fault('gateway-killed', async ({ call, figure }) => {
  await drill.cluster.kill(await busiestGateway(), 'SIGKILL');
  await eventually(async () => {
    const shown = await Promise.all(call.callers.map((caller) => caller.shown()));
    const away = shown.filter(({ status }) => status !== 'joined').length;
    const outages = await outagesOf(call);
    return away === 0 && outages.length > 0 ? undefined : `${away} are not back`;
  }, 20_000);
  figure('longest time without signaling in ms', Math.max(...(await outagesOf(call))));
  expect(await call.departuresSeen()).toBe(0);
});

drill.fault('directory-killed', async ({ call, figure }) => {
  await drill.cluster.kill('directory-1', 'SIGKILL');
  let slowestMs = 0;
  for (let index = 0; index < JOINS; index += 1) {
    const token = await drill.cluster.token({ subject: `late-${index}` });
    const startMs = performance.now();
    const late = await RawClient.enter(drill.ws, token, call.room);
    slowestMs = Math.max(slowestMs, performance.now() - startMs);
    await late.close();
    // All pages show who comes and goes: a storm of it would be another fault.
    await delay(JOIN_INTERVAL_MS);
  }
  figure('slowest join in ms', slowestMs);
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

drill.fault('control-stalled', async ({ call }) => {
  const nodes = await call.nodes();
  const [node] = nodes;
  await drill.cluster.kill(node!, 'SIGSTOP');
  try {
    await delay(STALL_MS);
  } finally {
    await drill.cluster.kill(node!, 'SIGCONT');
  }
  await call.plays();
  expect(await call.nodes()).toEqual(nodes);
  expect(await call.departuresSeen()).toBe(0);
});

drill.fault('node-drained', async ({ call, figure }) => {
  const node = await call.callers[0]!.node();
  const startMs = performance.now();
  await command(`nodes/${node}/drain`, { deadlineMs: DRAIN_MS });
  await eventually(async () => {
    const there = (await drill.nodes()).find(({ id }) => id === node);
    return there?.sessions === 0 ? undefined : `${there?.sessions} sessions are left`;
  }, 2 * DRAIN_MS);
  figure('time until the node was empty in ms', performance.now() - startMs);
  expect(performance.now() - startMs).toBeLessThan(DRAIN_MS);
  await call.plays();
  await call.isListedAsItIs();
  expect(await call.departuresSeen()).toBe(0);
  await command(`nodes/${node}/undrain`);
  await eventually(async () => {
    const state = (await drill.nodes()).find(({ id }) => id === node)?.state;
    return state === 'serving' ? undefined : `the node is ${state}`;
  });
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

/** Whoever is on no gateway that dies notices nothing. */
async function busiestGateway(): Promise<string> {
  const counts = drill.cluster.services('gateway').map(async ({ name, addresses }) => {
    const text = await (await fetch(`${addresses['admin'] ?? ''}/metrics`)).text();
    const count = Number(/^sluice_gateway_connections (\d+)/m.exec(text)?.[1]);
    return { name, count };
  });
  const [busiest] = (await Promise.all(counts)).toSorted((one, other) => other.count - one.count);
  expect(busiest?.count).toBeGreaterThan(0);
  return busiest!.name;
}

function runningWorkersOf(node: string): readonly number[] {
  return drill.workersOf(node).filter(isRunning);
}

async function command(path: string, body?: object): Promise<void> {
  const token = await drill.cluster.token({ subject: 'operator', admin: true });
  const response = await fetch(`${drill.api}/${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      ...(body ? { 'content-type': 'application/json' } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  expect(response.ok, await response.text()).toBe(true);
}

async function outagesOf(call: Call): Promise<readonly number[]> {
  const readings = await Promise.all(call.callers.map((caller) => caller.signaling()));
  return readings.flatMap(({ outagesMs }) => outagesMs);
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
