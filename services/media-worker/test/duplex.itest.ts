import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { eventually } from '@sluice/testing';
import { grantsOf } from '@sluice/tokens';
import type { RunningMediaNode } from '../src/compose.js';
import type { PagePeer, SourceOptions } from './browser.fixture.js';
import { NodeCalls, type SessionCalls } from './session.fixture.js';
import { aStage } from './stage.fixture.js';

const stage = aStage();
let running: RunningMediaNode;
let node: NodeCalls;

beforeAll(async () => {
  running = await stage.cluster.startNode('node-1');
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
const mLines = (sdp: string) => sdp.match(/^m=\S+ \d+/gm) ?? [];

/** Adds sources and negotiates them on the PeerConnection `main`. */
async function publishOn(session: SessionCalls, up: PagePeer, add: SourceOptions, purpose = 'cam') {
  const { sdp, tracks } = await session.negotiate('main', await up.offer(add), purpose);
  await up.accept(sdp);
  return tracks.map(({ trackId }) => trackId);
}

/** Subscribes on `main`; the offer may follow as an event, which the session's `follow` answers. */
async function subscribeOn(
  session: SessionCalls,
  at: PagePeer,
  publisher: string,
  purpose = 'cam',
) {
  const { sdp } = await session.subscribe(publisher, 'main', purpose);
  if (sdp !== '') await session.answerOn('main', await at.answer(sdp));
}

async function streams(): Promise<string[]> {
  const state = await node.state();
  return state.streams
    .map(
      ({ name, tracks }) =>
        `${name?.participant ?? ''}/${name?.purpose ?? ''}:${String(tracks.length)}`,
    )
    .sort();
}

async function untilStreams(...wanted: string[]): Promise<void> {
  await eventually(async () => {
    const found = (await streams()).join();
    return found === wanted.sort().join() ? undefined : `there are ${found}`;
  });
}

test('one PeerConnection publishes and receives two others', async () => {
  const [anna, ben, cora] = [await open('anna'), await open('ben'), await open('cora')];
  await peer('anna').publish(anna, { audio: 1, video: 1 }, 'cam');
  await peer('cora').publish(cora, { audio: 1, video: 1 }, 'cam');
  const duplex = peer('ben');
  ben.follow((offer) => duplex.answer(offer));
  expect(await publishOn(ben, duplex, { audio: 1, video: 1, simulcast: true })).toEqual([
    'audio',
    'video',
  ]);
  await subscribeOn(ben, duplex, 'anna');
  await subscribeOn(ben, duplex, 'cora');
  await duplex.decodes(2);

  const down = peer('down');
  anna.follow((offer) => down.answer(offer));
  const { sdp } = await anna.subscribe('ben', '', 'cam');
  await anna.answer('ben', await down.answer(sdp), 'cam');
  await down.decodes(1);
  const names = (await duplex.received()).map(({ streamId, trackId }) => `${streamId} ${trackId}`);
  expect(names.sort()).toEqual(
    ['anna', 'cora'].flatMap((who) =>
      ['audio', 'video'].map((track) => `${stage.room}-${who}-cam ${track}`),
    ),
  );
});

test('m-lines come, go and are used again, while the others flow on', async () => {
  const [anna, ben] = [await open('anna'), await open('ben')];
  await peer('anna').publish(anna, { video: 1 }, 'cam');
  const duplex = peer('ben');
  const offers: string[] = [];
  ben.follow((offer) => {
    offers.push(offer);
    return duplex.answer(offer);
  });
  await publishOn(ben, duplex, { audio: 1, video: 2 });
  await subscribeOn(ben, duplex, 'anna');
  await duplex.decodes(1);
  await untilStreams('anna/cam:1', 'ben/cam:3');

  const without = await ben.negotiate('main', await duplex.stopTrack(1), 'cam');
  await duplex.accept(without.sdp);
  await untilStreams('anna/cam:1', 'ben/cam:2');
  await duplex.decodes(1);

  await ben.unsubscribe('anna', 'cam');
  await eventually(() => (offers.at(-1)?.includes('m=video 0') ? undefined : 'nothing stopped'));
  await duplex.standsStill('video');
  const before = mLines(offers.at(-1) ?? '').length;

  await publishOn(ben, duplex, { video: 1 });
  await untilStreams('anna/cam:1', 'ben/cam:3');
  await subscribeOn(ben, duplex, 'anna');
  await duplex.decodes(1);
  const { sdp } = await ben.negotiate('main', await duplex.offer({}), 'cam');
  await duplex.accept(sdp);
  expect(mLines(sdp)).toHaveLength(before);
});

test('when both offer at once ours is taken back, and comes again', async () => {
  const [anna, ben] = [await open('anna'), await open('ben')];
  await peer('anna').publish(anna, { video: 1 }, 'cam');
  const duplex = peer('ben');
  await publishOn(ben, duplex, { audio: 1 });
  await eventually(() =>
    ben.eventsOf('subscriptionOffered').length > 0 ? undefined : 'no offer of ids yet',
  );
  const [first] = ben.eventsOf('subscriptionOffered');
  expect(first?.value.subscription).toMatchObject({ stream: undefined, connection: 'main' });
  await ben.answerOn('main', await duplex.answer(first?.value.sdp ?? ''));

  const { sdp: ours } = await ben.subscribe('anna', 'main', 'cam');
  expect(ours).toContain('m=video');
  // The page has its own offer out and does not look at ours.
  await publishOn(ben, duplex, { video: 1 });
  await expect(ben.answerOn('main', 'v=0')).rejects.toThrow();
  await eventually(() =>
    ben.eventsOf('subscriptionOffered').length > 1 ? undefined : 'not offered again',
  );
  const again = ben.eventsOf('subscriptionOffered').at(-1)?.value.sdp ?? '';
  await ben.answerOn('main', await duplex.answer(again));
  await duplex.decodes(1);
  await untilStreams('anna/cam:1', 'ben/cam:2');
});

test('several streams by m-line; each ends with its last track', async () => {
  const ben = await open('ben');
  const duplex = peer('ben');
  ben.follow((offer) => duplex.answer(offer));
  const offer = await duplex.offer({ audio: 1, video: 2 });
  const { sdp } = await ben.negotiate('main', offer, 'cam', [{ mid: '2', purpose: 'screen' }]);
  await duplex.accept(sdp);
  await untilStreams('ben/cam:2', 'ben/screen:1');
  const { sdp: less } = await ben.negotiate('main', await duplex.stopTrack(2), 'cam');
  await duplex.accept(less);
  await untilStreams('ben/cam:2');
  await ben.unpublish('cam');
  await untilStreams();
  // What is sent still belongs to nothing, until an offer says to what.
  await publishOn(ben, duplex, {}, 'again');
  await untilStreams('ben/again:2');
});

test('a refused offer leaves all as it was, and may come again', async () => {
  const [anna, ben] = [await open('ben'), await open('ben')];
  const other = peer('other');
  await other.publish(anna, { video: 1 }, 'cam');
  const duplex = peer('ben');
  ben.follow((offered) => duplex.answer(offered));
  await publishOn(ben, duplex, { audio: 1 }, 'mic');
  const offer = await duplex.offer({ video: 1 });
  await expect(ben.negotiate('main', offer, 'cam')).rejects.toMatchObject({
    code: 'ALREADY_EXISTS',
  });
  await untilStreams('ben/cam:1', 'ben/mic:1');
  await anna.closeSession();
  await other.close();
  const { sdp } = await ben.negotiate('main', offer, 'cam');
  await duplex.accept(sdp);
  await untilStreams('ben/cam:1', 'ben/mic:1');
  const down = peer('down');
  const { sdp: toWatch } = await ben.subscribe('ben', '', 'cam');
  await ben.answer('ben', await down.answer(toWatch), 'cam');
  await down.decodes(1);
});

test('another PeerConnection of that name takes the streams over', async () => {
  const [anna, ben] = [await open('anna'), await open('ben')];
  ben.follow(() => Promise.reject(new Error('not asked')));
  const down = peer('down');
  anna.follow((offer) => down.answer(offer));
  const first = peer('first');
  const { sdp: ids } = await ben.negotiate('main', await first.offer({ video: 1 }), 'cam');
  await first.accept(ids);
  const { sdp } = await anna.subscribe('ben', '', 'cam');
  await anna.answer('ben', await down.answer(sdp), 'cam');
  await down.decodes(1);
  const second = peer('second');
  const { sdp: taken } = await ben.negotiate('main', await second.offer({ video: 1 }), 'cam');
  await second.accept(taken);
  await eventually(async () => {
    const dump = await running.workers.list[0]!.router.dump();
    return dump.transportIds.length === 2
      ? undefined
      : `${String(dump.transportIds.length)} transports`;
  }, 15_000);
  await down.decodes(1);
  await untilStreams('ben/cam:1');
});

test('a client may only receive, and may not publish without the grant', async () => {
  const anna = await open('anna');
  await peer('anna').publish(anna, { video: 1 }, 'cam');
  const grants = grantsOf(['subscribe']);
  const ben = await node.open(stage.room, 'ben', { grants });
  ben.watch();
  const duplex = peer('ben');
  await expect(ben.negotiate('main', await peer('no').offer({ video: 1 }))).rejects.toMatchObject({
    code: 'PERMISSION_DENIED',
  });
  await expect(ben.negotiate('', await peer('no').offer({}))).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  });
  const { sdp } = await ben.negotiate('main', await duplex.offer({ receive: ['audio', 'video'] }));
  await duplex.accept(sdp);
  ben.follow((offer) => duplex.answer(offer));
  await subscribeOn(ben, duplex, 'anna');
  await duplex.decodes(1);
});

test('where nobody sends anything yet the first offer is of data channels, and what comes follows', async () => {
  const [anna, ben] = [await open('anna'), await open('ben')];
  const duplex = peer('ben');
  const { sdp } = await ben.offerConnection('main');
  expect(mLines(sdp)).toEqual([expect.stringMatching(/^m=application [1-9]/)]);
  await ben.answerOn('main', await duplex.answer(sdp));
  await publishOn(ben, duplex, { video: 1 });
  await untilStreams('ben/cam:1');
  const down = peer('down');
  const { sdp: toWatch } = await anna.subscribe('ben', '', 'cam');
  await anna.answer('ben', await down.answer(toWatch), 'cam');
  await down.decodes(1);
});
