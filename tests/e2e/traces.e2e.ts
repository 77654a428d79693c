import type { Cluster } from '@sluice/local-cluster';
import { eventually } from '@sluice/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BrowserKit } from '../browser/participant.js';
import { seeVideo } from '../browser/playback.js';
import { startClusterUnderTest } from '../cluster-under-test.js';
import { DialectPages } from '../dialect-pages.js';
import { SpanReceiver, type ReceivedSpan } from '../span-receiver.js';

const ROOM = 'a-room-with-a-name';
const CAMERA = { width: 320, height: 240 };

let receiver: SpanReceiver;
let cluster: Cluster | undefined;
let browsers: BrowserKit | undefined;
let pages: DialectPages | undefined;

beforeAll(async () => {
  receiver = await SpanReceiver.start();
  const environment = { ...process.env, ...receiver.environment };
  const overrides = { gateway: { SLUICE_LOG_LEVEL: 'debug' } };
  cluster = await startClusterUnderTest('traces', { environment, overrides });
  [browsers, pages] = await Promise.all([BrowserKit.open(), DialectPages.open()]);
});
afterAll(async () => {
  await Promise.all([browsers?.close(), pages?.close()]);
  await cluster?.stop();
  await receiver.stop();
});

async function enter(subject: string) {
  const participant = await browsers!.participant(cluster!.ws, await cluster!.token({ subject }));
  return { participant, node: await participant.join(ROOM) };
}

const shown = ({ service, name }: ReceivedSpan) => `${service} ${name}`;

test('a join is one tree, from the gateway to the directory, to the node, and to the other node', async () => {
  const publisher = await enter('publisher-with-a-name');
  await publisher.participant.publish({ room: ROOM, video: CAMERA });
  const viewer = await enter('viewer-with-a-name');
  expect(viewer.node).not.toBe(publisher.node);
  await viewer.participant.subscribe({ room: ROOM, publisher: 'publisher-with-a-name' });
  await seeVideo(viewer.participant, { publisher: 'publisher-with-a-name' });

  const fed = await ended({ name: 'sluice.v1.RelayPeer/OpenRelay', instance: publisher.node });
  // The root ends when the joining has, seconds after its last request.
  const wanted = [
    'sluice-media-worker sluice.v1.RelayPeer/OpenRelay',
    'sluice-media-worker sluice.v1.RelayPeer/OpenRelay',
    'sluice-media-worker sluice.v1.MediaNode/Subscribe',
    'sluice-gateway sluice.v1.MediaNode/Subscribe',
    'sluice-gateway subscribe-request',
    'sluice-gateway join',
  ];
  await eventually(() => {
    const way = receiver.wayUp(fed);
    return way.length === wanted.length ? undefined : way.join(' < ');
  }, 15_000);
  expect(receiver.wayUp(fed)).toEqual(wanted);

  const ofTrace = receiver.spans.filter(({ traceId }) => traceId === fed.traceId);
  const roots = ofTrace.filter(({ parentSpanId }) => parentSpanId === '');
  expect(roots.map(shown)).toEqual(['sluice-gateway join']);
  const ids = new Set(ofTrace.map(({ spanId }) => spanId));
  const orphans = ofTrace.filter(
    ({ parentSpanId }) => parentSpanId !== '' && !ids.has(parentSpanId),
  );
  expect(orphans.map(shown)).toEqual([]);
  const there = new Set(ofTrace.map(shown));
  const phases = [
    'sluice-gateway auth',
    'sluice-gateway join-room',
    'sluice-stream-directory sluice.v1.StreamDirectory/PlaceSession',
    'sluice-media-worker sluice.v1.MediaNode/OpenSession',
    'sluice-stream-directory sluice.v1.StreamDirectory/PlanRelay',
    'sluice-media-worker sluice.v1.RelayPeer/OpenPipe',
    'sluice-media-worker sluice.v1.MediaNode/AnswerSubscription',
    // By NATS: that the session is there, and the relay.
    'sluice-gateway hear sluice.v1.room',
    'sluice-stream-directory hear sluice.v1.node',
  ];
  expect(phases.filter((phase) => !there.has(phase))).toEqual([]);
});

test('publishing shows that its name was claimed and written', async () => {
  const written = await ended({ name: 'NATS KV write' });
  const way = receiver.wayUp(written);
  expect(way.slice(1, 6)).toEqual([
    'sluice-stream-directory sluice.v1.StreamDirectory/ClaimStream',
    'sluice-media-worker sluice.v1.StreamDirectory/ClaimStream',
    'sluice-media-worker sluice.v1.MediaNode/Publish',
    'sluice-gateway sluice.v1.MediaNode/Publish',
    'sluice-gateway publish-offer',
  ]);
});

test('what somebody does after having joined is a trace of its own, linked to the join', async () => {
  const from = receiver.spans.length;
  const { participant } = await enter('late');
  const joined = await ended({ name: 'join' }, from);
  await participant.request({ type: 'leave-room', roomName: ROOM });
  const later = await ended({ name: 'leave-room' });
  expect(later.parentSpanId).toBe('');
  expect(later.traceId).not.toBe(joined.traceId);
  expect(later.links).toEqual([joined.traceId]);
});

/** Publishes in a dialect, and expects that way up from the first span of it. */
async function expectTree(dialect: string, action: string, way: readonly string[]): Promise<void> {
  const from = receiver.spans.length;
  const room = `${dialect}-with-a-name`;
  const token = await cluster!.token({ subject: 'ann-with-a-name', room });
  const url = new URL(cluster!.api).origin;
  const place = { url, token, room, participant: 'ann-with-a-name', purpose: 'camera' };
  const page = await pages!.publish(dialect, action, place);
  const [service = '', name = ''] = way[0]!.split(/ (.*)/);
  const asked = await ended({ service, name }, from);
  await eventually(() => {
    const found = receiver.wayUp(asked);
    return found.length >= way.length ? undefined : found.join(' < ');
  }, 15_000);
  expect(receiver.wayUp(asked)).toEqual(way);
  await page.close();
}

test('a client of WHIP has the request as its root', async () => {
  const opening = 'sluice-gateway sluice.v1.MediaNode/OpenSession';
  await expectTree('whip', 'publish', [opening, 'sluice-gateway HTTP POST']);
});

test('clients of SFU-to-SFU and of Umbrella join in one tree, from what they asked first', async () => {
  await Promise.all([
    expectTree('sfu-to-sfu', 'publish', [
      'sluice-media-worker publish',
      'sluice-media-worker join',
      'sluice-media-worker sluice.v1.MediaNode/OpenDataChannelClient',
      'sluice-gateway sluice.v1.MediaNode/OpenDataChannelClient',
      'sluice-gateway HTTP POST',
    ]),
    expectTree('umbrella', 'join', ['sluice-gateway offer', 'sluice-gateway join']),
  ]);
});

test('log lines carry the trace that they belong to', async () => {
  const from = receiver.spans.length;
  const { participant } = await enter('mistaken');
  const mistake = { type: 'subscribe-request', roomName: ROOM, publisherId: 'nobody' };
  await expect(participant.request(mistake)).rejects.toThrow('NOT_FOUND');
  const refused = await ended({ name: 'subscribe-request' }, from);
  const lines = cluster!
    .logOf('gateway-1')
    .split('\n')
    .filter((line) => line.includes(refused.traceId));
  expect(lines.map((line) => JSON.parse(line) as unknown)).toContainEqual(
    expect.objectContaining({ msg: 'request refused', code: 'NOT_FOUND', span_id: refused.spanId }),
  );
});

test('no span holds what people named, said or may not know', () => {
  const everything = receiver.bodies.join('\n');
  for (const secret of [
    'with-a-name',
    'eyJ',
    'a=',
    'candidate',
    'fingerprint',
    'ufrag',
    'ticket',
  ]) {
    expect({ secret, found: everything.includes(secret) }).toEqual({ secret, found: false });
  }
});

/** The first span, of those received after `from`, that has these fields. */
async function ended(wanted: Partial<ReceivedSpan>, from = 0): Promise<ReceivedSpan> {
  const entries = Object.entries(wanted);
  const find = () =>
    receiver.spans
      .slice(from)
      .find((span) => entries.every(([key, value]) => span[key as keyof ReceivedSpan] === value));
  await eventually(() => (find() ? undefined : `no span ${JSON.stringify(wanted)}`), 15_000);
  return find()!;
}
