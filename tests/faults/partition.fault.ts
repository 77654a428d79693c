import { setTimeout as delay } from 'node:timers/promises';
import { startNatsServer, type NatsServer } from '@sluice/testing';
import { afterAll, expect } from 'vitest';
import { Drill } from './drill.js';
import { TcpProxy } from './tcp-proxy.js';

const CUT_MS = 8_000;
const NODE = 'node-1';

let nats: NatsServer | undefined;
let proxy: TcpProxy | undefined;
afterAll(async () => {
  await proxy?.stop();
  await nats?.stop();
});

const drill = Drill.ofThisFile('partition', async () => {
  nats = await startNatsServer();
  proxy = await TcpProxy.to(new URL(nats.url).host);
  const connected = { SLUICE_NATS_URL: nats.url };
  return {
    overrides: {
      directory: connected,
      node: connected,
      gateway: { ...connected, SLUICE_TRUST_PROXY: '1' },
      [NODE]: { SLUICE_NATS_URL: `nats://${proxy.address}` },
    },
  };
});

drill.fault('node-cut-from-nats', async ({ call }) => {
  const nodes = await call.nodes();
  expect(nodes).toContain(NODE);
  proxy!.cut();
  try {
    await delay(CUT_MS);
  } finally {
    proxy!.heal();
  }
  await call.plays();
  expect(await call.nodes()).toEqual(nodes);
  expect(await call.departuresSeen()).toBe(0);
});
