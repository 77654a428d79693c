import { readFileSync, readdirSync } from 'node:fs';
import { jetstreamManager } from '@nats-io/jetstream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually, startNatsServer, type NatsServer } from '@sluice/testing';
import { Bus } from '../src/bus.js';
import { KvBucket, type KvFollower, type KvValue } from '../src/kv-bucket.js';

const NAME = 'records';
let nats: NatsServer;
const toStop: (() => unknown)[] = [];

beforeEach(async () => {
  nats = await startNatsServer();
  toStop.push(() => nats.stop());
});
afterEach(async () => {
  for (const stop of toStop.splice(0).reverse()) await stop();
});

/** Keeps what it is told, as followers do. */
class Copy implements KvFollower {
  readonly entries = new Map<string, string | undefined>();
  resets = 0;
  loads = 0;

  onReset(): void {
    this.resets += 1;
    this.entries.clear();
  }

  onEntry(key: string, { value }: KvValue): void {
    this.entries.set(key, value && new TextDecoder().decode(value));
  }

  onLoaded(keys: ReadonlySet<string>): void {
    this.loads += 1;
    for (const key of this.entries.keys()) if (!keys.has(key)) this.entries.delete(key);
  }
}

async function openBucket(timeoutMs = 2_000) {
  const bus = Bus.open({ url: nats.url, name: 'test' });
  const copy = new Copy();
  const bucket = KvBucket.open(bus, { name: NAME, replicas: 1, timeoutMs }, copy);
  toStop.push(
    () => bus.close(),
    () => bucket.close(),
  );
  await eventually(() => (copy.loads > 0 ? undefined : 'not open'));
  return { bus, copy, bucket };
}

const bytes = (text: string) => new TextEncoder().encode(text);
const unavailable = { code: 'UNAVAILABLE' };

test('a write is seen by every follower, and by one that comes later', async () => {
  const [one, two] = [await openBucket(), await openBucket()];
  await one.bucket.write('a.b', bytes('first'), 0);
  await eventually(() => (two.copy.entries.get('a.b') === 'first' ? undefined : 'not heard'));
  const late = await openBucket();
  await eventually(() => (late.copy.entries.get('a.b') === 'first' ? undefined : 'not heard'));
  expect(await late.bucket.read('nothing')).toBeUndefined();
});

test('of many that write over the same revision one is first', async () => {
  const [one, two] = [await openBucket(), await openBucket()];
  const writes = Array.from({ length: 20 }, (_, index) =>
    (index % 2 === 0 ? one : two).bucket.write('key', bytes(`${index}`), 0),
  );
  const revisions = (await Promise.all(writes)).filter((revision) => revision !== undefined);
  expect(revisions).toHaveLength(1);
  expect((await one.bucket.read('key'))?.revision).toBe(revisions[0]);
});

test('a removed key leaves nothing behind, not even on disk', async () => {
  const { bus, bucket } = await openBucket();
  const revision = await bucket.write('key', bytes('x'), 0);
  await bucket.remove('key', revision! + 1);
  expect(await bucket.read('key')).toBeDefined();
  await bucket.remove('key', revision!);
  await bucket.remove('key', revision!);
  expect(await bucket.read('key')).toBeUndefined();
  const jsm = await jetstreamManager(await bus.connection());
  expect((await jsm.streams.info(`KV_${NAME}`)).state.messages).toBe(0);
  expect(await bucket.write('key', bytes('y'), 0)).toBeGreaterThan(revision!);
});

test('while NATS is away every operation fails soon', async () => {
  const { bus, bucket } = await openBucket(300);
  await bucket.write('key', bytes('x'), 0);
  await nats.stop();
  // Before and after the loss is noticed.
  await expect(bucket.write('key', bytes('y'), 1)).rejects.toMatchObject(unavailable);
  await eventually(() => (bus.connected ? 'still connected' : undefined));
  await expect(bucket.read('key')).rejects.toMatchObject(unavailable);
  await expect(bucket.remove('key', 1)).rejects.toMatchObject(unavailable);
});

/** A signal takes a moment to reach every thread. */
function isStopped(pid: number | undefined): boolean {
  const threads = readdirSync(`/proc/${String(pid)}/task`);
  return threads.every((thread) => {
    const stat = readFileSync(`/proc/${String(pid)}/task/${thread}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
  });
}

test('a server that stands still fails operations in bounded time, and works on after it', async () => {
  const { bucket } = await openBucket(300);
  nats.process.kill('SIGSTOP');
  try {
    await eventually(() => (isStopped(nats.process.pid) ? undefined : 'it still runs'));
    await expect(bucket.read('key')).rejects.toMatchObject(unavailable);
  } finally {
    nats.process.kill('SIGCONT');
  }
  await eventually(async () => {
    await bucket.read('key');
    return undefined;
  });
});

test('after a restart the follower hears what changed meanwhile and what is gone', async () => {
  const [one, two] = [await openBucket(), await openBucket()];
  const kept = await one.bucket.write('kept', bytes('1'), 0);
  const removed = await one.bucket.write('removed', bytes('1'), 0);
  await eventually(() => (two.copy.entries.size === 2 ? undefined : 'not heard'));
  await one.bucket.remove('removed', removed!);
  expect(two.copy.entries.size).toBe(2);

  await nats.restart();
  await eventually(() => (two.copy.loads === 2 ? undefined : 'not loaded again'));
  expect([...two.copy.entries]).toEqual([['kept', '1']]);
  expect(two.copy.resets).toBe(1);
  await eventually(async () => {
    await one.bucket.write('kept', bytes('2'), kept!);
    return undefined;
  });
  await eventually(() => (two.copy.entries.get('kept') === '2' ? undefined : 'not heard'));
});

test('after a wipe the bucket is made anew and its followers start again', async () => {
  const { copy, bucket } = await openBucket();
  await bucket.write('key', bytes('old'), 0);
  await nats.restart({ wipe: true });
  await eventually(() => (copy.resets === 2 && copy.loads === 2 ? undefined : 'not anew'));
  expect(copy.entries.size).toBe(0);
  expect(await bucket.read('key')).toBeUndefined();
  await bucket.write('key', bytes('new'), 0);
  await eventually(() => (copy.entries.get('key') === 'new' ? undefined : 'not heard'));
});

test('a bucket that was deleted under a living connection is made anew', async () => {
  const { bus, copy, bucket } = await openBucket();
  await bucket.write('key', bytes('old'), 0);
  const jsm = await jetstreamManager(await bus.connection());
  await jsm.streams.delete(`KV_${NAME}`);
  await eventually(async () => {
    await bucket.write('key', bytes('new'), 0);
    return undefined;
  });
  await eventually(() => (copy.entries.get('key') === 'new' ? undefined : 'not heard'));
});

test('markers of deletions, as other tools make them, can be written over', async () => {
  const { bus, bucket } = await openBucket();
  const revision = await bucket.write('key', bytes('x'), 0);
  const { Kvm } = await import('@nats-io/kv');
  const kv = await new Kvm(await bus.connection()).open(NAME);
  await kv.delete('key');
  const marker = await bucket.read('key');
  expect(marker).toEqual({ value: undefined, revision: revision! + 1 });
  expect(await bucket.write('key', bytes('y'), marker!.revision)).toBe(revision! + 2);
});
