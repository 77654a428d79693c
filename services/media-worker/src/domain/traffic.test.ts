import { expect, test } from 'vitest';
import { Traffic, type Measured } from './traffic.js';

interface FakeTransport extends Measured {
  asked: number;
}

function transport(recvBitrate: number, sendBitrate: number): FakeTransport {
  return {
    asked: 0,
    closed: false,
    getStats() {
      this.asked += 1;
      return Promise.resolve([{ recvBitrate, sendBitrate }]);
    },
  };
}

test('after a round every transport counts, and each was asked as often as the others', async () => {
  const traffic = new Traffic();
  const transports = Array.from({ length: 10 }, () => transport(10, 20));
  for (let call = 0; call < 10; call += 1) await traffic.measure(transports);
  expect(traffic.of(transports)).toEqual({ ingressBps: 100, egressBps: 200 });
  expect(transports.map(({ asked }) => asked)).toEqual(transports.map(() => 3));
});

test('only what is still there is added up', async () => {
  const traffic = new Traffic();
  const [stays, goes] = [transport(1, 2), transport(100, 200)];
  await traffic.measure([stays, goes]);
  await traffic.measure([stays, goes]);
  expect(traffic.of([stays])).toEqual({ ingressBps: 1, egressBps: 2 });
});

test('a transport that cannot be asked hurts nobody', async () => {
  const traffic = new Traffic();
  const broken: Measured = {
    closed: false,
    getStats: () => Promise.reject(new Error('closed meanwhile')),
  };
  const fine = transport(1, 2);
  for (let call = 0; call < 2; call += 1) await traffic.measure([broken, fine]);
  expect(traffic.of([broken, fine])).toEqual({ ingressBps: 1, egressBps: 2 });
});

test('there may be nothing to measure', async () => {
  const traffic = new Traffic();
  await traffic.measure([]);
  expect(traffic.of([])).toEqual({ ingressBps: 0, egressBps: 0 });
});
