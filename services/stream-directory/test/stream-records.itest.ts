import { afterAll, afterEach, beforeAll } from 'vitest';
import { BUCKETS, Bus, KvBucket } from '@sluice/nats-kit';
import { startNatsServer, type NatsServer } from '@sluice/testing';
import { NatsStreamRecords, RecordCopy } from '../src/nats/stream-records.js';
import { streamRecordsContract } from '../src/testing/stream-records.contract.js';

let nats: NatsServer;
const toStop: (() => unknown)[] = [];

beforeAll(async () => {
  nats = await startNatsServer();
});
afterEach(async () => {
  for (const stop of toStop.splice(0).reverse()) await stop();
});
afterAll(() => nats.stop());

streamRecordsContract('NATS', async () => {
  const bus = Bus.open({ url: nats.url, name: 'test' });
  toStop.push(() => bus.close());
  const name = `${BUCKETS.streams}_${Math.random().toString(36).slice(2)}`;
  return new Promise((resolve) => {
    const copy = new RecordCopy(() => resolve(new NatsStreamRecords(bucket, copy)));
    const bucket = KvBucket.open(bus, { name, replicas: 1, timeoutMs: 2_000 }, copy);
    toStop.push(() => bucket.close());
  });
});
