import { beforeEach, expect, test } from 'vitest';
import { SluiceError } from '@sluice/core';
import { FakeClock } from '@sluice/testing';
import { Trunks, type Lease, type Leases, type Trunk } from './trunks.js';

const SERVER = 'wss://b.example/wsb';

let clock: FakeClock;
let records: Map<string, Lease>;
let away: boolean;
let servers: string[];
let dialled: { by: string; closed: boolean }[];

beforeEach(() => {
  clock = new FakeClock();
  records = new Map();
  away = false;
  servers = [SERVER];
  dialled = [];
});

/** What NATS does, for gateways that all see it at once. */
const leases: Leases = {
  leaseOf: (server) => records.get(server),
  claim: (server, owner, revision) => {
    if (away) return Promise.reject(new SluiceError('UNAVAILABLE', 'away'));
    const known = records.get(server)?.revision ?? 0;
    if (known !== revision) return Promise.resolve(undefined);
    records.set(server, { owner, revision: known + 1 });
    return Promise.resolve(known + 1);
  },
};

function aGateway(gatewayId: string): Trunks {
  return new Trunks({
    list: {
      get servers() {
        return servers;
      },
      replace: () => Promise.resolve(),
    },
    leases,
    gatewayId,
    dial: (): Trunk => {
      const trunk = { by: gatewayId, closed: false };
      dialled.push(trunk);
      return Object.assign(trunk, { close: () => void (trunk.closed = true) });
    },
    clock,
    observer: { requestHandled: () => undefined, trouble: () => undefined },
  });
}

async function pass(gateways: readonly Trunks[], seconds: number): Promise<void> {
  for (let passed = 0; passed < seconds; passed += 1) {
    clock.elapse(1_000);
    for (const gateway of gateways) await gateway.review();
  }
}

const open = () => dialled.filter(({ closed }) => !closed).map(({ by }) => by);

test('of all gateways one dials, and another one when that has died', async () => {
  const [one, two] = [aGateway('one'), aGateway('two')];
  await pass([one, two], 60);
  expect(open()).toEqual(['one']);
  expect(dialled).toHaveLength(1);
  one.stop();
  await pass([two], 9);
  expect(open()).toEqual([]);
  await pass([two], 3);
  expect(open()).toEqual(['two']);
});

test('what was cut off is dialled again, ten seconds after it was dialled', async () => {
  const one = aGateway('one');
  await pass([one], 1);
  dialled[0]!.closed = true;
  await pass([one], 9);
  expect(open()).toEqual([]);
  await pass([one], 2);
  expect(open()).toEqual(['one']);
});

test('what is taken from the list is hung up', async () => {
  const one = aGateway('one');
  await pass([one], 1);
  servers = [];
  await pass([one], 1);
  expect(open()).toEqual([]);
});

test('without NATS a trunk goes on for as long as nobody else may dial', async () => {
  const one = aGateway('one');
  await pass([one], 1);
  away = true;
  await pass([one], 9);
  expect(open()).toEqual(['one']);
  await pass([one], 3);
  expect(open()).toEqual([]);
});

test('records that were wiped are written again, and nothing is hung up for it', async () => {
  const one = aGateway('one');
  await pass([one], 4);
  records.clear();
  await pass([one], 30);
  expect(open()).toEqual(['one']);
  expect(dialled).toHaveLength(1);
});
