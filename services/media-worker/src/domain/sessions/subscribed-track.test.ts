import { EventEmitter } from 'node:events';
import type { Consumer, Producer } from 'mediasoup/types';
import { FakeClock } from '@sluice/testing';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Carrier } from './carrier.js';
import { SubscribedTrack } from './subscribed-track.js';

/** Keeps mediasoup's rules of closing and pausing, and shows a picture when told to. */
class FakeConsumer extends EventEmitter {
  readonly observer = new EventEmitter();
  readonly type = 'simple';
  closed = false;
  paused = true;

  constructor(
    readonly kind: 'audio' | 'video',
    readonly producer = { closed: false },
  ) {
    super();
  }

  close(): void {
    if (this.producer.closed) throw new Error('the worker knows no such consumer');
    if (this.closed) return;
    this.closed = true;
    this.observer.emit('close');
  }

  pause(): Promise<void> {
    this.paused = true;
    return Promise.resolve();
  }

  resume(): Promise<void> {
    this.paused = false;
    return Promise.resolve();
  }

  readonly setPriority = () => Promise.resolve();
  readonly unsetPriority = () => Promise.resolve();
  readonly enableTraceEvent = () => Promise.resolve();
}

let clock: FakeClock;
let stopped: string[];
let freed: number;
let flowing: unknown[];

beforeEach(() => {
  clock = new FakeClock();
  stopped = [];
  freed = 0;
  flowing = [];
});

const carrier = {
  connected: true,
  stop: (mid: string) => stopped.push(mid),
  connection: { probes: undefined, negotiation: { takesSpatialLayers: () => true } },
} as unknown as Carrier;

function aTrack(mid: string, consumer: FakeConsumer, before?: SubscribedTrack): SubscribedTrack {
  const track = { trackId: 'camera', producer: consumer.producer as unknown as Producer };
  const feed = { mid, trackName: mid, track, consumer: consumer as unknown as Consumer };
  return new SubscribedTrack(feed, before, {
    carrier,
    clock,
    onFreed: () => (freed += 1),
    onFlowing: (one) => flowing.push(one),
  });
}

/** As long as the client takes to have the picture. */
async function shown(consumer: FakeConsumer): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  consumer.emit('trace');
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  clock.elapse(500);
}

describe('a track', () => {
  test('flows when the client has accepted it and somebody wants it', async () => {
    const consumer = new FakeConsumer('video');
    const track = aTrack('0', consumer);
    track.offer();
    await track.apply(true);
    expect(track.flowing).toBe(false);
    track.accept();
    await track.apply(true);
    expect([track.flowing, consumer.paused, flowing]).toEqual([true, false, [consumer]]);
    await track.apply(false);
    expect([track.flowing, consumer.paused]).toEqual([false, true]);
  });

  test('ends with its m-line, and asks nothing of a worker that has ended it already', () => {
    const consumer = new FakeConsumer('video');
    const track = aTrack('0', consumer);
    consumer.producer.closed = true;
    track.end();
    expect(stopped).toEqual(['0']);
  });
});

describe('a track that replaces another on its m-line', () => {
  test('ends that one when it is accepted', async () => {
    const [old, young] = [new FakeConsumer('video'), new FakeConsumer('video')];
    const before = aTrack('0', old);
    before.accept();
    await before.apply(true);
    const after = aTrack('0', young, before);
    expect([after.feeding, after.flowing, old.closed]).toEqual([true, false, false]);
    after.accept();
    expect([old.closed, stopped, freed]).toEqual([true, [], 0]);
  });

  test('ends one at once that the client never saw', () => {
    const [old, young] = [new FakeConsumer('video'), new FakeConsumer('video')];
    aTrack('0', young, aTrack('0', old));
    expect(old.closed).toBe(true);
  });

  test('flows from its offer on where it is sound', async () => {
    const [old, young] = [new FakeConsumer('audio'), new FakeConsumer('audio')];
    const before = aTrack('0', old);
    before.accept();
    const after = aTrack('0', young, before);
    await after.apply(true);
    expect(young.paused).toBe(true);
    after.offer();
    await after.apply(true);
    expect([young.paused, old.closed]).toEqual([false, false]);
  });
});

describe('a picture beside the one that it replaces', () => {
  let old: FakeConsumer;
  let young: FakeConsumer;
  let after: SubscribedTrack;

  beforeEach(async () => {
    [old, young] = [new FakeConsumer('video'), new FakeConsumer('video')];
    const before = aTrack('0', old);
    before.accept();
    await before.apply(true);
    after = aTrack('1', young, before);
    after.accept();
    await after.apply(true);
  });

  test('lets that one flow until it is shown, and then frees its m-line', async () => {
    expect([after.beside, old.closed]).toEqual([true, false]);
    await shown(young);
    expect([after.beside, old.closed, stopped, freed]).toEqual([false, true, ['0'], 1]);
  });

  test('hands that one on to what replaces itself before it was shown', async () => {
    const last = new FakeConsumer('video');
    const third = aTrack('1', last, after);
    await shown(young);
    expect([young.closed, old.closed, third.beside]).toEqual([true, false, true]);
    third.accept();
    await shown(last);
    expect([old.closed, stopped, freed]).toEqual([true, ['0'], 1]);
  });

  test('takes that one along when it ends', () => {
    after.end();
    expect([young.closed, old.closed]).toEqual([true, true]);
    expect(stopped).toEqual(['1', '0']);
  });
});
