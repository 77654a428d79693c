import { expect, test } from 'vitest';
import {
  flowBetween,
  following,
  receivedCounters,
  roundTripMs,
  sentCounters,
  type Counters,
} from './stats.js';

const report = (...rows: readonly { id: string; [field: string]: unknown }[]) =>
  new Map<string, unknown>(rows.map((row) => [row.id, row]));

const received = (timestamp: number, over: object = {}) =>
  report(
    { id: 'c1', type: 'codec', mimeType: 'video/VP8' },
    { id: 'c2', type: 'codec', mimeType: 'audio/opus' },
    {
      id: 'v',
      type: 'inbound-rtp',
      kind: 'video',
      mid: '1',
      codecId: 'c1',
      timestamp,
      bytesReceived: 1_000,
      packetsReceived: 10,
      packetsLost: 0,
      framesDecoded: 30,
      framesPerSecond: 30,
      frameWidth: 640,
      frameHeight: 360,
      jitter: 0.004,
      ...over,
    },
    {
      id: 'a',
      type: 'inbound-rtp',
      kind: 'audio',
      mid: '0',
      codecId: 'c2',
      timestamp,
      bytesReceived: 500,
      packetsReceived: 50,
      packetsLost: 1,
      audioLevel: 0.2,
      totalAudioEnergy: 3,
    },
    { id: 'other', type: 'inbound-rtp', kind: 'video', mid: '9', timestamp, bytesReceived: 9e9 },
  );

const MIDS = new Set(['0', '1']);

test('a stream is summed over its own m-lines only', () => {
  const counters = receivedCounters(received(1_000), MIDS);
  expect(counters).toMatchObject({
    atMs: 1_000,
    bytes: 1_500,
    packets: 60,
    packetsLost: 1,
    framesDecoded: 30,
    width: 640,
    height: 360,
    jitterMs: 4,
    totalAudioEnergy: 3,
    codecs: ['VP8', 'opus'],
  });
});

test('rates are those between two readings', () => {
  const before = receivedCounters(received(1_000), MIDS);
  const over = { bytesReceived: 126_000, packetsReceived: 100, packetsLost: 10 };
  const now = receivedCounters(received(2_000, over), MIDS);
  const flow = flowBetween(before, now);
  expect(flow.bitrateBps).toBe(1_000_000);
  expect(flow.loss).toBeCloseTo(0.1);
});

test('the first reading has no rate', () => {
  const now = receivedCounters(received(1_000), MIDS);
  expect(flowBetween(undefined, now)).toMatchObject({ bitrateBps: 0, loss: 0 });
});

test('counters that start again after a move give no negative rate', () => {
  const before = receivedCounters(received(1_000, { bytesReceived: 5e6 }), MIDS);
  const now = receivedCounters(received(2_000), MIDS);
  expect(flowBetween(before, now)).toMatchObject({ bitrateBps: 0, loss: 0 });
});

test('frames are counted on over a move to another connection', () => {
  const reading = (framesDecoded: number) => receivedCounters(received(0, { framesDecoded }), MIDS);
  const counts: number[] = [];
  let before: Counters | undefined;
  for (const framesDecoded of [30, 60, 5, 20, 0, 10]) {
    const now = following(before, reading(framesDecoded));
    counts.push(flowBetween(before, now).framesDecoded);
    before = now;
  }
  expect(counts).toEqual([30, 60, 65, 80, 80, 90]);
});

test('two readings of the same instant give no infinite rate', () => {
  const counters = receivedCounters(received(1_000), MIDS);
  expect(flowBetween(counters, counters).bitrateBps).toBe(0);
});

test('a stream without packets yet has counters of zero', () => {
  const counters = receivedCounters(report(), MIDS);
  expect(counters).toMatchObject({ bytes: 0, framesDecoded: 0, width: undefined, codecs: [] });
});

test('what is sent is summed over simulcast layers and sized as the largest', () => {
  const layer = (rid: string, frameWidth: number) => ({
    id: rid,
    type: 'outbound-rtp',
    kind: 'video',
    timestamp: 1,
    bytesSent: 100,
    packetsSent: 1,
    frameWidth,
    frameHeight: (frameWidth / 16) * 9,
  });
  const counters = sentCounters(
    report(layer('q', 320), layer('f', 1_280), layer('h', 640), {
      id: 'remote',
      type: 'remote-inbound-rtp',
      packetsLost: 4,
    }),
  );
  expect(counters).toMatchObject({ bytes: 300, packetsLost: 4, width: 1_280, height: 720 });
});

test('the round trip is that of the pair in use', () => {
  const pair = (id: string, nominated: boolean, currentRoundTripTime: number) => ({
    id,
    type: 'candidate-pair',
    state: 'succeeded',
    nominated,
    currentRoundTripTime,
  });
  expect(roundTripMs(report(pair('a', false, 9), pair('b', true, 0.012)))).toBeCloseTo(12);
  expect(roundTripMs(report())).toBeUndefined();
});
