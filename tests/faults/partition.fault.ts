import { setTimeout as delay } from 'node:timers/promises';
import { eventually, startNatsServer, type NatsServer } from '@sluice/testing';
import type { ClusterOptions } from '@sluice/local-cluster';
import { afterAll, expect } from 'vitest';
import { Drill } from './drill.js';
import { NetworkNamespace } from './network-namespace.js';
import { TcpProxy } from './tcp-proxy.js';

const CUT_FROM_NATS_MS = 8_000;
const CUT_OFF_MS = 6_000;
const NODE = 'node-1';

const obstacle = NetworkNamespace.obstacle();
let nats: NatsServer | undefined;
let proxy: TcpProxy | undefined;
let network: NetworkNamespace | undefined;

const drill = Drill.ofThisFile('partition', async () => {
  nats = await startNatsServer();
  return obstacle === undefined ? inANetworkOfItsOwn(nats) : behindAProxy(nats);
});

afterAll(async () => {
  await proxy?.stop();
  await nats?.stop();
  network?.remove();
});

drill.fault('node-cut-from-nats', async ({ call }) => {
  const nodes = await call.nodes();
  expect(nodes).toContain(NODE);
  const toNats = network?.links[1];
  if (network && toNats) network.cut(toNats);
  else proxy!.cut();
  try {
    await delay(CUT_FROM_NATS_MS);
  } finally {
    if (network && toNats) network.heal(toNats);
    else proxy!.heal();
  }
  await call.plays();
  expect(await call.nodes()).toEqual(nodes);
  expect(await call.departuresSeen()).toBe(0);
});

drill.fault(
  'node-cut-off',
  async ({ call }) => {
    expect(await call.nodes()).toContain(NODE);
    network!.cut(...network!.links);
    try {
      await delay(CUT_OFF_MS);
    } finally {
      network!.heal(...network!.links);
    }
    await call.plays();
    await call.isListedAsItIs();
    expect(await call.nodes()).not.toContain(NODE);
    expect(await call.departuresSeen()).toBe(0);
    await eventually(async () => {
      const state = (await drill.nodes()).find(({ id }) => id === NODE)?.state;
      return state === 'serving' ? undefined : `the node is ${state}`;
    }, 20_000);
  },
  { obstacle },
);

/** One node has a network of its own, with one cable to NATS and one to all else. */
async function inANetworkOfItsOwn({ url }: NatsServer): Promise<Partial<ClusterOptions>> {
  network = new NetworkNamespace(2);
  const { home, links, wrapper } = network;
  const [toAll, toNats] = links;
  proxy = await TcpProxy.to(new URL(url).host, toNats!.here);
  const connected = { SLUICE_NATS_URL: url, SLUICE_GRPC_INSECURE: '1' };
  return {
    wrappers: { [NODE]: wrapper },
    overrides: {
      directory: { ...connected, SLUICE_GRPC_LISTEN: `${home}:0` },
      node: { ...connected, ...listeningOn(home) },
      gateway: { ...connected, SLUICE_TRUST_PROXY: '1' },
      [NODE]: {
        ...listeningOn(toAll!.there),
        SLUICE_ADMIN_LISTEN: `${toAll!.there}:0`,
        SLUICE_NATS_URL: `nats://${proxy.address}`,
      },
    },
  };
}

function listeningOn(ip: string) {
  return {
    SLUICE_GRPC_LISTEN: `${ip}:0`,
    SLUICE_MEDIA_LISTEN_IP: ip,
    SLUICE_PIPE_LISTEN_IP: ip,
  };
}

/** Where no network can be made, what one node says to NATS goes through a proxy that can stop. */
async function behindAProxy({ url }: NatsServer): Promise<Partial<ClusterOptions>> {
  proxy = await TcpProxy.to(new URL(url).host);
  const connected = { SLUICE_NATS_URL: url };
  return {
    overrides: {
      directory: connected,
      node: connected,
      gateway: { ...connected, SLUICE_TRUST_PROXY: '1' },
      [NODE]: { SLUICE_NATS_URL: `nats://${proxy.address}` },
    },
  };
}
