import type { Producer } from 'mediasoup/types';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { streamKey, type StreamName } from '@sluice/core';
import { eventually } from '@sluice/testing';
import { RELAY_REASONS } from '../src/domain/streams/relay-reasons.js';
import { SESSION_TIMINGS } from '../src/domain/sessions/session-bounds.js';
import { StreamCopy } from '../src/domain/streams/stream-copy.js';
import type { Workers } from '../src/mediasoup/workers.js';
import { localNode, openOneCore, type LocalNode } from './local-node.fixture.js';
import { answerTo, offerOf } from './offer.fixture.js';

const ANNA: StreamName = { room: 'room', participant: 'anna', purpose: 'cam' };
const { answerMs, connectMs, graceMs, switchOverMs } = SESSION_TIMINGS;

let workers: Workers;
let complaints: string[];
let local: LocalNode;

beforeAll(async () => {
  ({ workers, complaints } = await openOneCore());
});

afterAll(() => {
  workers.close();
});

beforeEach(() => {
  local = localNode(workers);
});

afterEach(() => {
  local.node.close('test over');
  expect(local.troubles).toEqual([]);
  expect(complaints).toEqual([]);
});

async function transports(): Promise<number> {
  return (await workers.list[0]!.router.dump()).transportIds.length;
}

describe('time', () => {
  test('a session without a watcher ends after its grace time, one with a watcher never', async () => {
    const { session } = local.open('anna');
    local.clock.elapse(graceMs * 10);
    expect(session.closed).toBe(false);
    const attachment = session.attach(() => undefined);
    attachment.detach();
    attachment.detach();
    local.clock.elapse(graceMs - 1);
    expect(session.closed).toBe(false);
    local.clock.elapse(1);
    expect(session.closed).toBe(true);
    expect(local.facts.at(-1)).toBe('sessionClosed not resumed in time');
    await attachment.over;
  });

  test('a watcher that was replaced detaches nobody', () => {
    const { session } = local.open('anna');
    const old = session.attach(() => undefined);
    session.attach(() => undefined);
    old.detach();
    expect(session.attached).toBe(true);
  });

  test('a publishing PeerConnection that never connects is given up, and its name with it', async () => {
    const { session } = local.open('anna');
    await session.publish('cam', offerOf(['audio', 'video']));
    expect(local.claims.find(ANNA)).toBeDefined();
    local.clock.elapse(connectMs + switchOverMs);
    expect(local.claims.find(ANNA)).toBeUndefined();
    expect(await transports()).toBe(0);
    expect(session.closed).toBe(false);
  });

  test('an offer that nobody answers ends its subscriptions, but not while nobody could', async () => {
    local = localNode(workers, {}, { connectMs: 10 * answerMs });
    const { session: anna } = local.open('anna');
    await anna.publish('cam', offerOf(['video']));
    const { session: ben } = local.open('ben');
    const attachment = ben.attach(() => undefined);
    await ben.subscribe(ANNA, 'main');
    local.clock.elapse(answerMs - 10);
    attachment.detach();
    local.clock.elapse(20);
    expect(ben.subscriptions.size).toBe(1);

    const events: string[] = [];
    ben.attach((event) => events.push('reason' in event ? event.reason : event.type));
    expect(events).toEqual(['snapshot', 'subscriptionOffered']);
    local.clock.elapse(answerMs);
    expect(ben.subscriptions.size).toBe(0);
    expect(events.at(-1)).toBe('offer not answered');
  });
});

describe('bounds', () => {
  test('publications, tracks and subscriptions of a session are limited, and nothing is left over', async () => {
    local = localNode(workers, { publications: 1, tracksPerPublication: 2, subscriptions: 1 });
    const { session } = local.open('anna');
    await expect(
      session.publish('cam', offerOf(['audio', 'video', 'video'])),
    ).rejects.toMatchObject({ code: 'TOO_LARGE' });
    expect(local.claims.find(ANNA)).toBeUndefined();
    await session.publish('cam', offerOf(['audio', 'video']));
    await expect(session.publish('screen', offerOf(['video'], '1'))).rejects.toMatchObject({
      code: 'RATE_LIMITED',
    });
    const { session: ben } = local.open('ben');
    await ben.publish('cam', offerOf(['video']));
    await session.subscribe(ANNA, '');
    await expect(session.subscribe({ ...ANNA, participant: 'ben' }, '')).rejects.toMatchObject({
      code: 'RATE_LIMITED',
    });
    expect(await transports()).toBe(3);
  });

  test('a PeerConnection that is full says so, and keeps what it has', async () => {
    const { session: anna } = local.open('anna');
    const purposes = Array.from({ length: 16 }, (_, index) => `cam-${String(index)}`);
    const kinds = Array.from({ length: 16 }, () => 'audio' as const);
    for (const purpose of purposes) await anna.publish(purpose, offerOf(kinds));
    const { session: ben } = local.open('ben');
    await ben.publish('cam', offerOf(['audio']));
    const { session: cora } = local.open('cora');
    for (const purpose of purposes) {
      const stream = { ...ANNA, purpose };
      await cora.answer(stream, answerTo(await cora.subscribe(stream, 'main')));
    }
    await expect(cora.subscribe({ ...ANNA, participant: 'ben' }, 'main')).rejects.toMatchObject({
      code: 'TOO_LARGE',
    });
    expect(cora.subscriptions.tracks).toBe(256);
    await cora.subscribe({ ...ANNA, participant: 'ben' }, 'another');
    expect(cora.subscriptions.tracks).toBe(257);
  });

  test('commands that pile up are refused, and those that wait are still done', async () => {
    local = localNode(workers, { waitingCommands: 2 });
    const { session } = local.open('anna');
    const [first, second, third] = [
      session.publish('cam', offerOf(['video'])),
      session.unpublish('cam'),
      session.unpublish('cam'),
    ];
    await expect(third).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    await Promise.all([first, second]);
    expect(session.publications.list).toEqual([]);
  });

  test('a node takes no more sessions than it may, and an open one again at any time', () => {
    const sessions = ['a', 'b', 'c', 'd'].map((name) => local.open(name).session);
    expect(() => local.open('e')).toThrow(expect.objectContaining({ code: 'CAPACITY_EXHAUSTED' }));
    expect(local.open('a').session).toBe(sessions[0]);
  });

  test('candidates are counted', () => {
    local = localNode(workers, { candidates: 2 });
    const { session } = local.open('anna');
    session.addCandidate('');
    session.addCandidate('');
    expect(() => session.addCandidate('')).toThrow(
      expect.objectContaining({ code: 'RATE_LIMITED' }),
    );
  });
});

describe('what happens meanwhile', () => {
  test('a session that closes while it publishes leaves neither a name nor a transport', async () => {
    const { session } = local.open('anna');
    const publishing = session.publish('cam', offerOf(['audio', 'video']));
    session.close();
    await expect(publishing).rejects.toBeDefined();
    await local.claims.allReleased();
    expect(local.claims.find(ANNA)).toBeUndefined();
    await eventually(async () => ((await transports()) === 0 ? undefined : 'transports left'));
    expect(local.facts).not.toContain('streamPublished');
  });

  test('a session that closes while it subscribes leaves no transport', async () => {
    const { session: anna } = local.open('anna');
    await anna.publish('cam', offerOf(['video']));
    const { session: ben } = local.open('ben');
    const subscribing = ben.subscribe(ANNA, '');
    // The command has begun by now, and waits for its transport.
    await Promise.resolve();
    await Promise.resolve();
    await Promise.resolve();
    ben.close();
    await expect(subscribing).rejects.toBeDefined();
    await eventually(async () => ((await transports()) === 1 ? undefined : 'transports left'));
  });

  test('a stream that is another origin’s by now ends here, and its name is left alone', async () => {
    const { session } = local.open('anna');
    await session.publish('cam', offerOf(['video']));
    local.directory.fences = true;
    await local.claims.reregister();
    expect(session.publications.list).toEqual([]);
    expect(local.facts.slice(-2)).toEqual(['fenced', 'streamEnded']);
    expect(await transports()).toBe(0);
  });
});

describe('answers', () => {
  test('an m-line that the client rejects is closed, and the others go on', async () => {
    const { session: anna } = local.open('anna');
    await anna.publish('cam', offerOf(['audio', 'video']));
    const { session: ben, events } = local.open('ben');
    await ben.answer(ANNA, answerTo(await ben.subscribe(ANNA, ''), ['video']));
    expect(events.at(-1)).toMatchObject({ type: 'trackRefused', trackId: 'video' });
    expect(ben.subscriptions.list[0]?.tracks.map(({ track }) => track.trackId)).toEqual(['audio']);
    const dump = await workers.list[0]!.router.dump();
    expect(dump.mapConsumerIdProducerId).toHaveLength(1);
  });

  test('a client that rejects everything has no subscription', async () => {
    const { session: anna } = local.open('anna');
    await anna.publish('cam', offerOf(['audio', 'video']));
    const { session: ben, events } = local.open('ben');
    await ben.answer(ANNA, answerTo(await ben.subscribe(ANNA, ''), ['audio', 'video']));
    expect(ben.subscriptions.size).toBe(0);
    expect(events.at(-1)).toMatchObject({
      type: 'subscriptionEnded',
      reason: 'no codec in common',
    });
    expect(await transports()).toBe(1);
  });

  test('an answer to an older offer says nothing of what came after it', async () => {
    const { session: anna } = local.open('anna');
    await anna.publish('cam', offerOf(['audio']));
    const { session: ben, events } = local.open('ben');
    const first = await ben.subscribe(ANNA, '');
    await anna.publish('cam', offerOf(['audio', 'video']));
    const lines = () =>
      ben.subscriptions.list[0]!.tracks.map(({ track, accepted }) => [track.trackId, accepted]);
    await eventually(() => (lines().length === 2 ? undefined : 'one line'));
    expect(events.map(({ type }) => type)).not.toContain('subscriptionOffered');
    await ben.answer(ANNA, answerTo(first));
    expect(lines()).toEqual([
      ['audio', true],
      ['video', false],
    ]);
    const second = events.at(-1);
    if (second?.type !== 'subscriptionOffered') throw new Error('no second offer');
    await ben.answer(ANNA, answerTo(second.sdp));
    expect(lines()).toEqual([
      ['audio', true],
      ['video', true],
    ]);
  });

  test('an answer may name the stream that caused the offer, though it has ended', async () => {
    const { session: anna } = local.open('anna');
    await anna.publish('cam', offerOf(['video']));
    const { session: ben, events } = local.open('ben');
    const first = await ben.subscribe(ANNA, 'main');
    await anna.unpublish('cam');
    expect(events.at(-1)).toMatchObject({ type: 'subscriptionEnded', reason: 'stream ended' });
    await ben.answer(ANNA, answerTo(first));
    // What the client took is offered as stopped, on the PeerConnection that stays.
    expect(events.at(-1)).toMatchObject({ type: 'subscriptionOffered' });
    expect(ben.subscriptions.connections).toHaveLength(1);
  });
});

describe('a stream whose way is lost', () => {
  /** A copy that is fed by what anna publishes, as a relay would feed one. */
  function edge(producers: readonly Producer[]): StreamCopy {
    const copy = new StreamCopy(ANNA, 1, workers.list[0]!, ['far', 'local']);
    for (const producer of producers) copy.addTrack({ trackId: producer.kind, producer });
    local.source.replaced.set(streamKey(ANNA), copy);
    return copy;
  }

  async function watched() {
    const { session: anna } = local.open('anna');
    await anna.publish('cam', offerOf(['audio', 'video']));
    const origin = await local.source.ensure(workers.list[0]!.routerId, ANNA);
    const producers = [...origin.tracks.values()].map(({ producer }) => producer);
    const first = edge(producers);
    const { session: ben, events } = local.open('ben');
    await ben.subscribe(ANNA, '');
    return { ben, events, producers, first };
  }

  test('is looked for again, and the subscription goes on with what is found', async () => {
    const { ben, events, producers, first } = await watched();
    const second = edge(producers);
    first.close(RELAY_REASONS.relayLost);
    await eventually(() => {
      local.clock.elapse(100);
      return second.watched ? undefined : 'not watched';
    });
    expect(ben.subscriptions.size).toBe(1);
    expect(first.watched).toBe(false);
    expect(events.map(({ type }) => type)).not.toContain('subscriptionEnded');
  });

  test('ends the subscription when it is not found in time', async () => {
    const { ben, events, first } = await watched();
    first.close(RELAY_REASONS.moved);
    await eventually(() => {
      local.clock.elapse(1_000);
      return ben.subscriptions.size === 0 ? undefined : 'still there';
    });
    expect(events.at(-1)).toMatchObject({ type: 'subscriptionEnded', reason: 'relay lost' });
    expect(local.source.asked).toBeGreaterThan(3);
  });

  test('a viewer who leaves is forgotten by the copy', async () => {
    const { ben, first } = await watched();
    expect(first.watched).toBe(true);
    await ben.unsubscribe(ANNA);
    expect(first.watched).toBe(false);
  });
});
