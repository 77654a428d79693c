import { readFileSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Call } from './call.js';
import { Drill, RUNS } from './drill.js';

/** A minute is promised; when each fault is done only once, a part of it has to do. */
const DOWN_MS = RUNS > 1 ? 60_000 : 10_000;

const drill = Drill.ofThisFile('nats', { overrides: { gateway: { SLUICE_TRUST_PROXY: '1' } } });

drill.fault('nats-down', async ({ call, figure }) => {
  await withoutNats(call, figure);
});

drill.fault('nats-wiped', async ({ call, figure }) => {
  const folder = dataFolderOfNats();
  await withoutNats(call, figure, () => rmSync(folder, { recursive: true }));
});

/** Somebody comes while NATS is away, hears the others, and is heard by them when it is back. */
async function withoutNats(
  call: Call,
  figure: (name: string, value: number) => void,
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

function dataFolderOfNats(): string {
  const [nats] = drill.cluster.services('nats');
  const words = readFileSync(`/proc/${nats?.pid}/cmdline`, 'utf8').split('\0');
  const folder = words[words.indexOf('-sd') + 1];
  if (!folder) throw new Error('the NATS server has no folder');
  return folder;
}
