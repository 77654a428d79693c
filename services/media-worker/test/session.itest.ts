import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { SluiceError } from '@sluice/core';
import { callUnary } from '@sluice/grpc-kit';
import { eventually } from '@sluice/testing';
import { grantsOf } from '@sluice/tokens';
import type { RunningMediaNode } from '../src/compose.js';
import { LOWEST_WIDTH } from './browser.fixture.js';
import { NodeCalls, type SessionCalls } from './session.fixture.js';
import { aStage } from './stage.fixture.js';

const GRACE_MS = 1_500;

const stage = aStage();
let running: RunningMediaNode;
let node: NodeCalls;

beforeAll(async () => {
  running = await stage.cluster.startNode('node-1', { SLUICE_SESSION_GRACE_MS: String(GRACE_MS) });
  node = new NodeCalls(running);
});

afterAll(() => {
  node.close();
});

afterEach(() => {
  running.node.close('test over');
});

const open = (participant: string) => node.openWatched(stage.room, participant);
const peer = (name: string) => stage.peer(name);

/** The newest offer that came as an event, once there are `count`. */
async function offered(session: SessionCalls, count: number): Promise<string> {
  await eventually(() => {
    const offers = session.eventsOf('subscriptionOffered').length;
    return offers >= count ? undefined : `${String(offers)} offers`;
  });
  return session.eventsOf('subscriptionOffered')[count - 1]!.value.sdp;
}

async function routerCounts() {
  const dump = await running.workers.list[0]!.router.dump();
  return {
    transports: dump.transportIds.length,
    producers: dump.mapProducerIdConsumerIds.length,
    consumers: dump.mapConsumerIdProducerId.length,
    observers: dump.rtpObserverIds.length,
  };
}

function findStream(participant: string) {
  const name = { room: stage.room, participant, purpose: 'm.usermedia' };
  const { directory } = stage.cluster;
  return callUnary(directory, directory.findStream.bind(directory), { name }, 5_000);
}

/** Of the m-lines of an offer of ours that carry something. */
function kindsSent(sdp: string): string[] {
  const sections = sdp.split('\r\nm=').slice(1);
  return sections
    .filter((section) => section.includes('a=sendonly'))
    .map((section) => section.slice(0, section.indexOf(' ')));
}

/** An answer that takes nothing of that kind. */
function declining(kind: string, answer: string): string {
  const [head = '', ...sections] = answer.split('\r\nm=');
  const declined = sections.map((section) =>
    section.startsWith(kind) ? section.replace('a=recvonly', 'a=inactive') : section,
  );
  return [head, ...declined].join('\r\nm=');
}

const NOTHING = { transports: 0, producers: 0, consumers: 0, observers: 0 };

describe('publishing and subscribing', () => {
  test('a second session decodes the video and hears the audio of the first', async () => {
    const anna = await open('anna');
    await peer('up').publish(anna, { audio: 1, video: 1 });
    const ben = await open('ben');
    const down = peer('down');
    await down.subscribe(ben, 'anna');
    await down.decodes(1);
    await eventually(async () => {
      const audio = (await down.received()).find(({ kind }) => kind === 'audio');
      return (audio?.audioEnergy ?? 0) > 0 ? undefined : 'silence';
    });
    const lines = await down.received();
    expect(lines.map(({ trackId }) => trackId).sort()).toEqual(['audio', 'video']);
    expect(new Set(lines.map(({ streamId }) => streamId))).toEqual(
      new Set([`${stage.room}-anna-m.usermedia`]),
    );
    const { subscriptions } = await ben.stats();
    expect(subscriptions[0]).toMatchObject({ path: ['node-1'] });
    expect(subscriptions[0]?.tracks.map(({ mimeType }) => mimeType).sort()).toEqual([
      'audio/opus',
      'video/VP8',
    ]);
  });

  test('one can subscribe to what one publishes', async () => {
    const anna = await open('anna');
    await peer('up').publish(anna, { video: 1 });
    const down = peer('down');
    await down.subscribe(anna, 'anna');
    await down.decodes(1);
  });

  test('a track added to a running PeerConnection reaches those who watch', async () => {
    const anna = await open('anna');
    const up = peer('up');
    await up.publish(anna, { audio: 1, video: 1 });
    const ben = await open('ben');
    const down = peer('down');
    await down.subscribe(ben, 'anna');
    await down.decodes(1);

    const { tracks } = await up.publish(anna, { video: 1 });
    expect(tracks.map(({ trackId }) => trackId)).toEqual(['audio', 'video', 'video-2']);
    await ben.answer('anna', await down.answer(await offered(ben, 1)));
    await down.decodes(2);

    const { sdp } = await anna.publish(await up.stopTrack(1));
    await up.accept(sdp);
    await ben.answer('anna', await down.answer(await offered(ben, 2)));
    await down.decodes(1);
    const state = await node.state();
    expect(state.streams[0]?.tracks.map(({ trackId }) => trackId)).toEqual(['audio', 'video-2']);
  });

  test('subscriptions of one key share a PeerConnection and wait for each other’s offers', async () => {
    const [anna, cora, ben] = [await open('anna'), await open('cora'), await open('ben')];
    await peer('up-anna').publish(anna, { video: 1 });
    await peer('up-cora').publish(cora, { video: 1 });
    const { sdp: first } = await ben.subscribe('anna', 'main');
    const { sdp: second } = await ben.subscribe('cora', 'main');
    expect(second).toBe('');
    const down = peer('down');
    await ben.answer('anna', await down.answer(first));
    await ben.answer('cora', await down.answer(await offered(ben, 1)));
    await down.decodes(2);
    expect((await routerCounts()).transports).toBe(3);

    await ben.unsubscribe('anna');
    await ben.answer('anna', await down.answer(await offered(ben, 2)));
    await down.decodes(1);
    expect((await routerCounts()).consumers).toBe(1);
  });

  test('a track that is withheld is not offered; one that was declined is, once it is no more', async () => {
    const anna = await open('anna');
    await peer('up').publish(anna, { audio: 1, video: 1 });
    const ben = await open('ben');
    const down = peer('down');
    const { sdp } = await ben.subscribe('anna', 'main', undefined, false, ['audio']);
    expect(kindsSent(sdp)).toEqual(['video']);
    await ben.answer('anna', await down.answer(sdp));
    await down.decodes(1);

    await ben.setLayers('anna', { withheld: { trackIds: [] } });
    const both = await offered(ben, 1);
    expect(kindsSent(both)).toEqual(['video', 'audio']);
    await ben.answer('anna', declining('audio', await down.answer(both)));
    const tracks = async () => (await ben.stats()).subscriptions[0]?.tracks.length;
    await eventually(async () => ((await tracks()) === 1 ? undefined : 'still sent'));

    await ben.setLayers('anna', { withheld: { trackIds: ['audio'] } });
    await ben.setLayers('anna', { withheld: { trackIds: [] } });
    const again = await offered(ben, 2);
    expect(kindsSent(again)).toEqual(['video', 'audio']);
    await ben.answer('anna', await down.answer(again));
    await eventually(async () => {
      const audio = (await down.received()).find(({ kind }) => kind === 'audio');
      return (audio?.audioEnergy ?? 0) > 0 ? undefined : 'silence';
    });
  });

  test('the end of a stream ends its subscriptions and frees everything', async () => {
    const anna = await open('anna');
    await peer('up').publish(anna, { audio: 1, video: 1 });
    const ben = await open('ben');
    await peer('down').subscribe(ben, 'anna');
    await anna.unpublish();
    await eventually(() =>
      ben.eventsOf('subscriptionEnded').length === 1 ? undefined : 'goes on',
    );
    expect(ben.eventsOf('subscriptionEnded')[0]?.value).toMatchObject({
      subscription: { stream: { room: stage.room, participant: 'anna', purpose: 'm.usermedia' } },
      reason: 'stream ended',
    });
    await eventually(async () => {
      const counts = await routerCounts();
      return counts.transports === 0 && counts.observers === 0 ? undefined : JSON.stringify(counts);
    });
    expect(await routerCounts()).toEqual(NOTHING);
    await eventually(() =>
      findStream('anna').then(
        () => 'still claimed',
        () => undefined,
      ),
    );
  });

  test('a stream that nobody publishes cannot be subscribed to', async () => {
    const ben = await open('ben');
    await expect(ben.subscribe('nobody')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await routerCounts()).toEqual(NOTHING);
  });
});

describe('simulcast', () => {
  test('set-layers decides what a viewer gets, and pausing stops video alone', async () => {
    const anna = await open('anna');
    await peer('up').publish(anna, { audio: 1, video: 1, simulcast: true });
    const ben = await open('ben');
    const down = peer('down');
    await down.subscribe(ben, 'anna');
    await down.hasWidth((width) => width > LOWEST_WIDTH);
    await ben.setLayers('anna', { spatial: 0 });
    await down.hasWidth((width) => width === LOWEST_WIDTH);
    await ben.setLayers('anna', { spatial: 2 });
    await down.hasWidth((width) => width > LOWEST_WIDTH);

    await ben.setLayers('anna', { paused: true });
    await down.standsStill('video');
    await down.flows('audio');
    await ben.setLayers('anna', { paused: false });
    await down.decodes(1);
  });
});

describe('what cannot be accepted', () => {
  test('refused offers change nothing, and the good one may come after them', async () => {
    const anna = await open('anna');
    const up = peer('up');
    const good = await up.offer({ audio: 1, video: 1 });
    const bad = [
      '',
      'not SDP',
      good.replace(/a=fingerprint:.*\r\n/g, ''),
      good.replace(/a=fingerprint:sha-256 .*\r\n/g, 'a=fingerprint:sha-256 00:11\r\n'),
      good.replace(/a=rtcp-mux\r\n/g, ''),
      good + 'm=video 9 UDP/TLS/RTP/SAVPF 96\r\n'.repeat(5_000),
      good.replaceAll('a=mid:1', 'a=mid:0'),
    ];
    for (const sdp of bad) {
      const outcome = await anna.publish(sdp).then(
        () => `accepted ${sdp}`,
        (error: unknown) => SluiceError.from(error).code,
      );
      expect(outcome).toMatch(/^(INVALID_ARGUMENT|TOO_LARGE)$/);
    }
    expect(await routerCounts()).toEqual(NOTHING);
    await expect(findStream('anna')).rejects.toMatchObject({ code: 'NOT_FOUND' });

    const { sdp } = await anna.publish(good);
    await up.accept(sdp);
    const before = await routerCounts();
    await expect(anna.publish(`${good}\0`)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(await routerCounts()).toEqual(before);
    const ben = await open('ben');
    await peer('down').subscribe(ben, 'anna');
    await peer('down').decodes(1);
  });

  test('a bad answer leaves the offer open for a good one', async () => {
    const anna = await open('anna');
    await peer('up').publish(anna, { video: 1 });
    const ben = await open('ben');
    const { sdp } = await ben.subscribe('anna');
    await expect(ben.answer('anna', 'v=0\r\n')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    const down = peer('down');
    const answer = await down.answer(sdp);
    await ben.answer('anna', answer);
    await expect(ben.answer('anna', answer)).rejects.toMatchObject({ code: 'INVALID_STATE' });
    await down.decodes(1);
  });

  test('names, ids, grants and sizes are checked before anything happens', async () => {
    const ben = await node.open(stage.room, 'ben', {
      grants: grantsOf([]),
    });
    const offer = await peer('up').offer({ video: 1 });
    await expect(ben.publish(offer)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    await expect(ben.subscribe('anna')).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    await expect(ben.subscribe('')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(ben.publish(offer, 'x'.repeat(200))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await expect(ben.publish('v'.repeat(300_000))).rejects.toMatchObject({ code: 'TOO_LARGE' });
    await expect(ben.candidate('candidate:nonsense')).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await ben.candidate('');
    await expect(node.open('', 'ben')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(node.open(stage.room, 'x', { sessionId: 'a b' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await expect(node.open(stage.room, 'x', { routerId: 'none' })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
  });
});

describe('who holds a name', () => {
  test('another session of the participant gets the name once the first is detached', async () => {
    const first = await open('anna');
    await peer('up-1').publish(first, { video: 1 });
    const epoch = (await findStream('anna')).epoch;
    const second = await open('anna');
    const up = peer('up-2');
    const offer = await up.offer({ video: 1 });
    await expect(second.publish(offer)).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
      message: 'Stream already exists',
    });
    const ben = await open('ben');
    const down = peer('down');
    await down.watch(ben, 'anna');

    first.unwatch();
    await eventually(async () => {
      const { sessions } = await node.state();
      return sessions.some(({ attached }) => !attached) ? undefined : 'still attached';
    });
    await up.accept((await second.publish(offer)).sdp);
    const found = await findStream('anna');
    expect(found).toMatchObject({ sessionId: second.sessionId });
    expect(found.epoch).toBeGreaterThan(epoch);
    // Who watched the first is renegotiated onto the second.
    await offered(ben, 1);
    await down.decodes(1);
    expect(ben.eventsOf('subscriptionEnded')).toEqual([]);
  });

  test('a new PeerConnection replaces the old one without an end of the stream', async () => {
    const anna = await open('anna');
    await peer('old').publish(anna, { video: 1 });
    const ben = await open('ben');
    const down = peer('down');
    await down.watch(ben, 'anna');
    await down.decodes(1);
    const { epoch } = await findStream('anna');

    await peer('new').publish(anna, { video: 1 });
    await offered(ben, 1);
    await peer('old').close();
    await down.decodes(1);
    expect(await findStream('anna')).toMatchObject({ epoch });
    expect(ben.eventsOf('subscriptionEnded')).toEqual([]);
    await eventually(async () => {
      const { producers } = await routerCounts();
      return producers === 1 ? undefined : `${String(producers)} producers`;
    });
  });

  test('a PeerConnection that its client closes takes the stream with it', async () => {
    const anna = await open('anna');
    const up = peer('up');
    await up.publish(anna, { video: 1 });
    const ben = await open('ben');
    await peer('down').subscribe(ben, 'anna');
    await peer('down').decodes(1);
    await up.close();
    await eventually(() => (ben.eventsOf('subscriptionEnded').length > 0 ? undefined : 'goes on'));
    await eventually(async () => {
      const { transports } = await routerCounts();
      return transports === 0 ? undefined : `${String(transports)} transports`;
    });
  });
});

describe('ICE restart', () => {
  test('of a subscribing connection comes as an offer, of a publishing one by the client’s', async () => {
    const anna = await open('anna');
    const up = peer('up');
    await up.publish(anna, { video: 1 });
    const ben = await open('ben');
    const down = peer('down');
    await down.subscribe(ben, 'anna');
    await down.decodes(1);
    const { sdp } = await ben.restartSubscription(stage.room, 'anna');
    await ben.answer('anna', await down.answer(sdp));
    await down.decodes(1);
    await up.accept((await anna.publish(await up.restart())).sdp);
    await down.decodes(1);
  });
});

describe('the life of a session', () => {
  test('it outlives its watcher by the grace time, and a new one finds it as it was', async () => {
    const anna = await open('anna');
    await peer('up').publish(anna, { video: 1 });
    const ben = await open('ben');
    await ben.subscribe('anna');
    ben.unwatch();
    await eventually(() => (ben.watchEnd ? undefined : 'still watched'));
    await anna.unpublish();
    ben.events.length = 0;
    ben.watch();
    await eventually(() => (ben.events.length >= 2 ? undefined : 'not greeted'));
    expect(ben.events.map(({ $case }) => $case)).toEqual(['snapshot', 'subscriptionEnded']);

    ben.unwatch();
    await eventually(async () => {
      const { sessions } = await node.state();
      return sessions.some(({ participant }) => participant === 'ben') ? 'still there' : undefined;
    });
    await expect(ben.stats()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('an offer that may have been lost is said again to the next watcher', async () => {
    const anna = await open('anna');
    await peer('up').publish(anna, { video: 1 });
    const ben = await open('ben');
    const { sdp } = await ben.subscribe('anna');
    ben.watch();
    expect(await offered(ben, 1)).toBe(sdp);
    await ben.answer('anna', await peer('down').answer(sdp));
    await peer('down').decodes(1);
  });

  test('a newer watcher takes the place of the older one', async () => {
    const ben = await open('ben');
    ben.watch();
    await eventually(() => (ben.eventsOf('snapshot').length === 2 ? undefined : 'not greeted'));
    expect(running.node.sessions.map(({ attached }) => attached)).toEqual([true]);
  });

  test('closing says so and frees the name; everything later is not found', async () => {
    const anna = await open('anna');
    await peer('up').publish(anna, { audio: 1, video: 1 });
    await anna.closeSession();
    await eventually(() => (anna.watchEnd === 'ended' ? undefined : 'still watched'));
    expect(anna.events.at(-1)?.$case).toBe('ended');
    await anna.closeSession();
    await expect(anna.subscribe('anna')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await eventually(async () => {
      const counts = await routerCounts();
      return counts.transports === 0 ? undefined : JSON.stringify(counts);
    });
  });
});
