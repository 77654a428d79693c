import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '@sluice/testing';
import { expect } from 'vitest';
import { RawClient } from '../raw-client.js';
import type { Call } from './call.js';
import { Drill } from './drill.js';

const STALL_MS = 3_000;
const DRAIN_MS = 10_000;
const JOINS = 20;
const JOIN_INTERVAL_MS = 100;

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
