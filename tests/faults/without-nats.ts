import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { Drill, RUNS, type Strike } from './drill.js';

/** A minute is promised; when each fault is done only once, a part of it has to do. */
const DOWN_MS = RUNS > 1 ? 60_000 : 10_000;

export function drillWithoutNats(name: string): Drill {
  return Drill.ofThisFile(name, { overrides: { gateway: { SLUICE_TRUST_PROXY: '1' } } });
}

/** Somebody comes while NATS is away, hears the others, and is heard by them when it is back. */
export async function strikeNats(
  drill: Drill,
  { call, figure }: Strike,
  meanwhile: () => void = () => undefined,
): Promise<void> {
  const nodes = await call.nodes();
  await drill.cluster.kill('nats', 'SIGKILL');
  meanwhile();
  const back = delay(DOWN_MS);
  const late = await drill.enter(call.room, 'late');
  try {
    await call.with(late).receives(late);
    await back;
    await drill.cluster.restart('nats');
    const startMs = performance.now();
    await call.with(late).plays();
    figure('time until a new stream was there in ms', performance.now() - startMs);
    await call.with(late).isListedAsItIs();
  } finally {
    await late.close();
  }
  expect(await call.nodes()).toEqual(nodes);
}

export function dataFolderOfNats(drill: Drill): string {
  const [nats] = drill.cluster.services('nats');
  const words = readFileSync(`/proc/${nats?.pid}/cmdline`, 'utf8').split('\0');
  const folder = words[words.indexOf('-sd') + 1];
  if (!folder) throw new Error('the NATS server has no folder');
  return folder;
}
