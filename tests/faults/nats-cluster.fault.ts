import { afterAll, expect } from 'vitest';
import { Drill } from './drill.js';
import { NatsTrio } from './nats-trio.js';

const STREAM_RECORDS = 'KV_sluice_streams';

let trio: NatsTrio | undefined;
afterAll(() => trio?.stop());

const drill = Drill.ofThisFile('nats-cluster', async () => {
  trio = await NatsTrio.start();
  const connected = { SLUICE_NATS_URL: trio.url };
  return {
    overrides: {
      directory: { ...connected, SLUICE_NATS_REPLICAS: '3' },
      node: connected,
      gateway: { ...connected, SLUICE_TRUST_PROXY: '1' },
    },
  };
});

drill.fault('nats-leader-killed', async ({ call, figure }) => {
  const nodes = await call.nodes();
  const leader = await trio!.leaderOf(STREAM_RECORDS);
  await trio!.kill(leader);
  const startMs = performance.now();
  const late = await drill.enter(call.room, 'late');
  try {
    await call.with(late).receives(late);
    await call.with(late).plays();
    figure('time until a new stream was there in ms', performance.now() - startMs);
  } finally {
    await late.close();
    await trio!.restart(leader);
  }
  expect(await call.nodes()).toEqual(nodes);
});
