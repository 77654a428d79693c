import { beforeEach, expect, test } from 'vitest';
import { SluiceError } from '@sluice/core';
import { FakeClock } from '@sluice/testing';
import { Trunks, type Lease, type Leases, type Trunk } from './trunks.js';

const SERVER = 'wss://b.example/wsb';

let clock: FakeClock;
let records: Map<string, Lease>;
let away: boolean;
let servers: string[];
let dialled: Dialled[];

class Dialled implements Trunk {
  open = true;
  closed = false;
  failure: SluiceError | undefined;
  #listener: () => void = () => undefined;

  constructor(readonly by: string) {}

  onClosed(listener: () => void): void {
    this.#listener = listener;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#listener();
  }
}

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

function aGateway(gatewayId: string, random = () => 0.5, told: string[] = []): Trunks {
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
      const trunk = new Dialled(gatewayId);
      dialled.push(trunk);
      return trunk;
    },
    clock,
    random,
    observer: {
      requestHandled: () => undefined,
      trouble: (error) => told.push(SluiceError.from(error).message),
    },
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

test('what was cut off is dialled again, after longer and longer, and soon again once it stood', async () => {
  const one = aGateway('one');
  await pass([one], 1);
  const waits: number[] = [];
  for (let failure = 0; failure < 6; failure += 1) {
    dialled.at(-1)?.close();
    const before = dialled.length;
    let waited = 0;
    for (; dialled.length === before; waited += 1) await pass([one], 1);
    waits.push(waited);
  }
  expect(waits.map((seconds) => Math.min(seconds, 8))).toEqual([1, 2, 4, 8, 8, 8]);
  expect(Math.max(...waits)).toBeLessThan(12);
  await pass([one], 30);
  dialled.at(-1)?.close();
  await pass([one], 1);
  expect(open()).toEqual(['one']);
});

test('those who lost the same server do not come back at once', async () => {
  let luck = 0;
  const again = async (random: number) => {
    luck = random;
    const before = dialled.length;
    dialled.at(-1)?.close();
    const startMs = clock.nowMs();
    while (dialled.length === before) {
      clock.elapse(50);
      await one.review();
    }
    return clock.nowMs() - startMs;
  };
  const one = aGateway('one', () => luck);
  await pass([one], 1);
  expect(await again(0)).toBeLessThan(900);
  await pass([one], 60);
  expect(await again(0.99)).toBeGreaterThan(1_150);
});

test('where it was refused, it comes back five minutes later', async () => {
  const one = aGateway('one');
  await pass([one], 1);
  dialled[0]!.failure = new SluiceError('PERMISSION_DENIED', 'it does not let us in');
  dialled[0]!.close();
  await pass([one], 298);
  expect(open()).toEqual([]);
  await pass([one], 5);
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

test('operators are told how a trunk does and why it ended, and the log once for each change', async () => {
  const told: string[] = [];
  const one = aGateway('one', () => 0.5, told);
  await pass([one], 1);
  expect(one.statuses).toEqual([{ server: SERVER, state: 'open', failure: undefined }]);
  const away = new SluiceError('UNAVAILABLE', 'nobody listens there');
  for (let failure = 0; failure < 3; failure += 1) {
    dialled.at(-1)!.failure = away;
    dialled.at(-1)!.close();
    expect(one.statuses).toEqual([{ server: SERVER, state: 'waiting', failure: away }]);
    await pass([one], 15);
  }
  expect(one.statuses).toEqual([{ server: SERVER, state: 'open', failure: away }]);
  dialled.at(-1)!.failure = new SluiceError('RATE_LIMITED', 'too many messages');
  dialled.at(-1)!.close();
  expect(told).toEqual([
    `trunk to ${SERVER}: UNAVAILABLE: nobody listens there`,
    `trunk to ${SERVER}: RATE_LIMITED: too many messages`,
  ]);
});
