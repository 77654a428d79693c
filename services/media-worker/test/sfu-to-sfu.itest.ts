import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SessionId } from '@sluice/core';
import { callUnary } from '@sluice/grpc-kit';
import { eventually } from '@sluice/testing';
import type { OpenDataChannelClientRequest } from '@sluice/proto-gen/media_node';
import type { RunningMediaNode } from '../src/compose.js';
import { PagePeer, launchBrowser, openPage } from './browser.fixture.js';
import { startTestCluster, type TestCluster } from './cluster.fixture.js';
import { NodeCalls } from './session.fixture.js';
import { SignalingPage, type StreamKeys } from './signaling-page.fixture.js';

const PARTICIPANTS_MAX = 4;

let cluster: TestCluster;
let nodes: [RunningMediaNode, RunningMediaNode];
let calls: [NodeCalls, NodeCalls];
let browser: Browser;
let page: Page;
let rooms = 0;
let call: string;

beforeAll(async () => {
  [cluster, browser] = await Promise.all([
    startTestCluster({ SLUICE_ROOM_PARTICIPANTS_MAX: String(PARTICIPANTS_MAX) }),
    launchBrowser(),
  ]);
  nodes = [await cluster.startNode('node-1'), await cluster.startNode('node-2')];
  calls = [new NodeCalls(nodes[0]), new NodeCalls(nodes[1])];
});

afterAll(async () => {
  for (const node of calls) node.close();
  await browser.close();
  await cluster[Symbol.asyncDispose]();
});

beforeEach(async () => {
  page = await openPage(browser);
  await SignalingPage.install(page);
  rooms += 1;
  call = `call-${String(rooms)}`;
});

afterEach(async () => {
  await page.close();
  for (const { node } of nodes) node.close('test over');
});

const keys = (device: string, purpose = 'camera') => ({
  call_id: call,
  device_id: device,
  purpose,
});

function createAt(index: 0 | 1, options: Partial<OpenDataChannelClientRequest> = {}) {
  return async (sdp: string) => {
    const { client } = calls[index];
    const response = await callUnary(
      client,
      client.openDataChannelClient.bind(client),
      {
        clientId: randomUUID(),
        routerId: nodes[index].workers.list[0]?.routerId ?? '',
        room: '*',
        participant: `anonymous-${randomUUID()}`,
        username: 'somebody',
        connectionId: randomUUID(),
        grants: {
          publish: true,
          subscribe: true,
          host: false,
          admin: false,
          create: false,
          ingest: false,
        },
        validMs: 3_600_000,
        roomsNeedCreator: false,
        sdp,
        ...options,
      },
      10_000,
    );
    return response.sdp;
  };
}

async function connected(name: string, at: 0 | 1 = 0, opens = false): Promise<SignalingPage> {
  const client = new SignalingPage(page, name);
  await client.connect(createAt(at), opens);
  return client;
}

async function decodes(client: SignalingPage, count: number): Promise<void> {
  const before = (await client.shown()).map(({ framesDecoded }) => framesDecoded);
  await eventually(async () => {
    const now = (await client.shown()).filter(
      ({ framesDecoded }, index) => framesDecoded > (before[index] ?? 0) + 2,
    );
    return now.length === count ? undefined : `${String(now.length)} videos advance`;
  }, 20_000);
}

/** Of the first node. */
const transports = async () => (await nodes[0].workers.list[0]!.router.dump()).transportIds;

async function participants(index: 0 | 1): Promise<string[]> {
  const { sessions } = await calls[index].state();
  return sessions
    .filter(({ present }) => present)
    .map(({ room, participant }) => `${room}/${participant}`)
    .sort();
}

/** Messages as a client writes them, with keys, values and letters that are not as they should be. */
function mangled(stream: StreamKeys): fc.Arbitrary<string> {
  const sdp = fc.oneof(
    fc.string(),
    fc.constant('v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=setup:actpass\r\n'),
    fc.constant(`v=0\r\n${'m=video 9 UDP/TLS/RTP/SAVPF 96\r\n'.repeat(300)}a=setup:actpass\r\n`),
  );
  const value = fc.oneof(fc.string(), fc.jsonValue({ maxDepth: 2 }), fc.constant(stream.call_id));
  const message = fc.record(
    {
      event: fc.oneof(
        fc.constantFrom('publish', 'subscribe', 'unpublish', 'unsubscribe', 'error'),
        value,
      ),
      id: value,
      call_id: fc.oneof(fc.constant(stream.call_id), value),
      device_id: fc.oneof(fc.constant(stream.device_id), value),
      purpose: fc.oneof(fc.constant(stream.purpose), value),
      sdp: fc.oneof(sdp, value),
      foci: value,
    },
    { requiredKeys: ['event'] },
  );
  const cut = fc
    .tuple(message, fc.nat(60))
    .map(([whole, at]) => JSON.stringify(whole).slice(0, at));
  return fc.oneof(
    message.map((whole) => JSON.stringify(whole)),
    cut,
    fc.string(),
  );
}

describe('the channel', () => {
  test('is opened by us for a client that opens none', async () => {
    const client = new SignalingPage(page, 'readme');
    expect(await client.connect(createAt(0))).toBe('server signaling');
    const heard = await client.ask({ event: 'unpublish', id: '1', ...keys('nobody') });
    expect(heard).toMatchObject({ event: 'error', id: '1', device_id: 'nobody', sdp: '' });
  });

  test('is the client’s where it opens one, and we answer once', async () => {
    const client = new SignalingPage(page, 'code');
    expect(await client.connect(createAt(0), true)).toBe('client signaling');
    for (const id of ['1', '2', '3']) {
      const heard = await client.ask({ event: 'subscribe', id, ...keys('nobody') });
      expect(heard.message).toContain('No Such Stream');
      expect(heard.message).toContain("Stream doesn't exist");
    }
    expect((await client.heard()).map(({ id }) => id)).toEqual(['1', '2', '3']);
  });
});

describe('streams', () => {
  test('published here are seen on another node, in their room', async () => {
    const anna = await connected('anna', 0);
    expect(await anna.publish(keys('anna'))).toMatchObject({ event: 'publish', ...keys('anna') });
    expect(await participants(0)).toEqual([`${call}/anna`]);
    const ben = await connected('ben', 1, true);
    expect(await ben.subscribe(keys('anna'))).toMatchObject({
      event: 'subscribe',
      id: 'subscribe',
    });
    await decodes(ben, 1);
    expect((await ben.shown())[0]?.streamId).toBe(`${call}-anna-camera`);

    const session = await calls[1].open(call, 'cora');
    session.watch();
    const down = new PagePeer(page, 'down');
    const { sdp } = await session.subscribe('anna', '', 'camera');
    await session.answer('anna', await down.answer(sdp), 'camera');
    await down.decodes(1);
  });

  test('of others and one’s own go over one PeerConnection, and end', async () => {
    const [anna, ben] = [await connected('anna'), await connected('ben', 1)];
    await anna.publish(keys('anna'));
    await ben.publish(keys('ben'));
    await ben.publish(keys('ben', 'screen'), 'second');
    await anna.subscribe(keys('ben'), 'one');
    await anna.subscribe(keys('ben', 'screen'), 'two');
    await decodes(anna, 2);
    await ben.subscribe(keys('anna'));
    await decodes(ben, 1);

    const before = (await anna.heard()).length;
    await ben.ask({ event: 'unpublish', id: 'end', ...keys('ben') });
    await eventually(async () => {
      const offers = (await anna.heard())
        .slice(before)
        .filter(({ event }) => event === 'subscribe');
      return offers.length > 0 ? undefined : 'no offer';
    });
    await decodes(anna, 1);
    expect(await participants(1)).toEqual([`${call}/ben`]);

    const left = await anna.ask({ event: 'unsubscribe', id: 'bye', ...keys('ben', 'screen') });
    expect(left).toMatchObject({ event: 'unsubscribe', id: 'bye' });
    await anna.subscribe(keys('ben', 'screen'), 'again');
    await decodes(anna, 1);
    await ben.close();
    await eventually(async () =>
      (await participants(1)).length === 0 ? undefined : 'still shown as present',
    );
  });

  test('have one publisher, and a refused offer may come again', async () => {
    const [anna, ben] = [await connected('anna'), await connected('ben', 1)];
    await anna.publish(keys('anna'));
    expect(await ben.publish(keys('anna'), 'mine')).toMatchObject({
      event: 'error',
      message: expect.stringContaining('Stream already exists') as string,
      id: 'mine',
    });
    expect(await participants(1)).toEqual([]);
    // The very same offer, under a name that is free.
    expect(await ben.publish(keys('ben'), 'other')).toMatchObject({ event: 'publish' });
    expect(await ben.publish(keys('ben'), 'twice')).toMatchObject({
      event: 'error',
      message: expect.stringContaining('Stream already exists') as string,
    });
    // Refused to the session that holds it, too; what it offered it may publish otherwise.
    expect(await ben.publish(keys('ben', 'screen'), 'then')).toMatchObject({ event: 'publish' });
    await anna.subscribe(keys('ben', 'screen'));
    await decodes(anna, 1);
  });

  test('several calls and devices on one connection, within the token’s', async () => {
    const anna = await connected('anna');
    await anna.publish(keys('anna'));
    await anna.publish({ ...keys('other'), call_id: `${call}-b` }, 'b');
    expect(await participants(0)).toEqual([`${call}-b/other`, `${call}/anna`]);
    const bound = new SignalingPage(page, 'bound');
    await bound.connect(createAt(0, { room: call }));
    expect(await bound.publish({ ...keys('bound'), call_id: `${call}-b` })).toMatchObject({
      event: 'error',
      message: 'your token is for another call',
    });
    expect(await bound.publish(keys('bound'))).toMatchObject({ event: 'publish' });
  });

  test('need grants and a token that is still good', async () => {
    const grants = { host: false, admin: false, create: false, ingest: false };
    const mute = new SignalingPage(page, 'mute');
    await mute.connect(createAt(0, { grants: { ...grants, publish: false, subscribe: true } }));
    expect(await mute.publish(keys('mute'))).toMatchObject({ event: 'error' });
    const late = new SignalingPage(page, 'late');
    await late.connect(createAt(0, { validMs: 0 }));
    expect(await late.publish(keys('late'))).toMatchObject({ message: 'token expired' });
  });
});

describe('the rules of a room', () => {
  /** What nodes say reaches the directory in moments. */
  const inRoom = async (count: number) =>
    eventually(async () => {
      const { directory } = cluster;
      const { sessions } = await callUnary(
        directory,
        directory.getRoom.bind(directory),
        { room: call },
        5_000,
      );
      return sessions.length === count ? undefined : `${String(sessions.length)} sessions`;
    });
  const lock = (locked: boolean) =>
    callUnary(
      cluster.directory,
      cluster.directory.updateRoom.bind(cluster.directory),
      { room: call, locked },
      5_000,
    );

  test('bound it: who watches and publishes is one participant', async () => {
    const anna = await connected('anna');
    const others = await Promise.all(['ben', 'cora', 'dan'].map((name) => connected(name, 1)));
    await others[0]!.publish(keys('ben'));
    await anna.subscribe(keys('ben'));
    await inRoom(2);
    expect(await anna.publish(keys('anna'))).toMatchObject({ event: 'publish' });
    expect(await others[1]!.publish(keys('cora'))).toMatchObject({ event: 'publish' });
    expect(await others[2]!.publish(keys('dan'))).toMatchObject({ event: 'publish' });
    await inRoom(5);
    const eve = await connected('eve');
    const full = { event: 'error', message: 'Server over capacity: the room is full' };
    expect(await eve.publish(keys('eve'))).toMatchObject(full);
    expect(await eve.subscribe(keys('ben'))).toMatchObject({ ...full, id: 'subscribe' });
    expect(await anna.publish(keys('anna-2'), 'more')).toMatchObject(full);
    // Those in the room watch whom they like.
    expect(await others[1]!.subscribe(keys('anna'))).toMatchObject({ event: 'subscribe' });
    await decodes(others[1]!, 1);
  });

  test('lock it for strangers', async () => {
    const anna = await connected('anna');
    await anna.publish(keys('anna'));
    const ben = await connected('ben', 1);
    await ben.subscribe(keys('anna'));
    await inRoom(2);
    await lock(true);
    const locked = { event: 'error', message: 'the room is locked' };
    const cora = await connected('cora', 1, true);
    await eventually(async () => {
      const { message = 'let in' } = await cora.subscribeByOffer(keys('anna'), 'offered');
      return message === locked.message ? undefined : message;
    });
    expect(await cora.publish(keys('cora'), 'shown')).toMatchObject(locked);
    expect(await ben.publish(keys('ben'))).toMatchObject({ event: 'publish' });
    await anna.close();
    const again = await connected('again', 1);
    // By its name, as in every dialect.
    await eventually(async () => {
      const { event, message } = await again.publish(keys('anna'), 'again');
      return event === 'publish' ? undefined : message;
    }, 20_000);
    await lock(false);
  });

  test('let only some open it', async () => {
    const guest = new SignalingPage(page, 'guest');
    await guest.connect(createAt(0, { roomsNeedCreator: true }));
    const refused = {
      event: 'error',
      message: 'your token does not let you open rooms',
    };
    expect(await guest.publish(keys('guest'))).toMatchObject(refused);
    expect(await guest.subscribe(keys('guest'), 'none')).toMatchObject(refused);
    const opener = new SignalingPage(page, 'opener');
    const grants = { publish: true, subscribe: true, host: false, admin: false, ingest: false };
    await opener.connect(
      createAt(0, { roomsNeedCreator: true, grants: { ...grants, create: true } }),
    );
    expect(await opener.publish(keys('opener'))).toMatchObject({ event: 'publish' });
    await inRoom(1);
    expect(await guest.publish(keys('guest'), 'again')).toMatchObject({ event: 'publish' });
  });
});

describe('whom a host puts out', () => {
  const putOut = async (reason: string, ...participants: string[]) => {
    const { sessions } = await calls[0].state();
    for (const { sessionId, participant, room } of sessions) {
      if (room === call && participants.includes(participant)) {
        nodes[0].node.closeSession(SessionId(sessionId), reason);
      }
    }
  };

  test('is told over its channel, gets nothing any more, and is closed', async () => {
    const anna = await connected('anna', 1);
    await anna.publish(keys('anna'));
    const ben = new SignalingPage(page, 'ben');
    const others = new Set(await transports());
    await ben.connect(createAt(0, { participant: 'ben' }), true);
    const own = (await transports()).filter((id) => !others.has(id));
    expect(own.length).toBeGreaterThan(0);
    await ben.publish(keys('ben'));
    await ben.subscribeByOffer(keys('anna'), 'watching');
    await anna.subscribe(keys('ben'));
    await decodes(ben, 1);
    await decodes(anna, 1);
    await putOut('removed by the host', 'ben');
    const told = { event: 'error', message: 'removed by the host', call_id: call };
    expect(await ben.hear('')).toMatchObject({ ...told, device_id: 'ben' });
    expect(await ben.hear('watching')).toMatchObject({ ...told, device_id: 'anna' });
    await ben.say({ event: 'subscribe', id: 'back', ...keys('anna') });
    expect(await ben.hear('back')).toMatchObject({ message: 'removed by the host' });
    await eventually(async () => {
      const left = await transports();
      return own.some((id) => left.includes(id)) ? 'not closed' : undefined;
    });
    await decodes(anna, 0);
    expect(await participants(0)).toEqual([]);
  });

  test('keeps what it has in another call, and is offered that alone', async () => {
    const anna = await connected('anna', 1);
    await anna.publish(keys('anna'));
    await anna.publish({ ...keys('anna'), call_id: `${call}-b` }, 'b');
    const ben = new SignalingPage(page, 'ben');
    await ben.connect(createAt(0, { participant: 'ben' }));
    await ben.subscribe(keys('anna'), 'one');
    await ben.subscribe({ ...keys('anna'), call_id: `${call}-b` }, 'two');
    await decodes(ben, 2);
    await putOut('the host ended the room', 'ben');
    expect(await ben.hear('one')).toMatchObject({ message: 'the host ended the room' });
    await decodes(ben, 1);
    await eventually(async () => {
      const offers = (await ben.heard()).filter(({ event }) => event === 'subscribe');
      return offers.length === 3 ? undefined : `${String(offers.length)} offers`;
    });
    await ben.say({ event: 'subscribe', id: 'back', ...keys('anna') });
    expect(await ben.hear('back')).toMatchObject({ message: 'the host ended the room' });
    await decodes(ben, 1);
  });
});

describe('a client that offers to receive', () => {
  test('gets streams of another node in its own numbers, beside what it publishes', async () => {
    const [anna, ben] = [await connected('anna', 0), await connected('ben', 1, true)];
    await anna.publish(keys('anna'));
    await anna.publish(keys('anna', 'screen'), 'screen');
    await ben.publish(keys('ben'));
    const first = await ben.subscribeByOffer(keys('anna'), 'one');
    expect(first).toMatchObject({ event: 'subscribe', id: 'one', ...keys('anna') });
    await decodes(ben, 1);
    expect(await ben.subscribeByOffer(keys('anna', 'screen'), 'two')).toMatchObject({
      event: 'subscribe',
    });
    await decodes(ben, 2);
    expect((await ben.shown()).map(({ streamId }) => streamId).sort()).toEqual([
      `${call}-anna-camera`,
      `${call}-anna-screen`,
    ]);
    await anna.subscribeByOffer(keys('ben'), 'back');
    await decodes(anna, 1);
    // What it cannot be offered it is told.
    await anna.ask({ event: 'unpublish', id: 'end', ...keys('anna', 'screen') });
    await eventually(async () => {
      const errors = (await ben.heard()).filter(({ event }) => event === 'error');
      return errors.some(({ id, message }) => id === 'two' && message?.includes('has ended'))
        ? undefined
        : 'not told';
    });
    await decodes(ben, 1);
    expect((await ben.heard()).filter(({ event }) => event === 'subscribe')).toHaveLength(2);
  });

  test('is refused what there is not, and may offer that again for what there is', async () => {
    const [anna, ben] = [await connected('anna'), await connected('ben')];
    await anna.publish(keys('anna'));
    expect(await ben.subscribeByOffer(keys('nobody'), 'none')).toMatchObject({
      event: 'error',
      id: 'none',
      message: expect.stringContaining('No Such Stream') as string,
    });
    expect(await ben.subscribeByOffer(keys('anna'), 'some')).toMatchObject({ event: 'subscribe' });
    await decodes(ben, 1);
    await ben.ask({ event: 'unsubscribe', id: 'bye', ...keys('anna') });
    expect(await ben.subscribeByOffer(keys('anna'), 'again')).toMatchObject({ event: 'subscribe' });
    await decodes(ben, 1);
  });
});

describe('whatever a client says', () => {
  test('hurts nobody else, and is answered with an error', async () => {
    const [anna, ben] = [await connected('anna'), await connected('ben')];
    await anna.publish(keys('anna'));
    await ben.subscribe(keys('anna'));
    const mallory = await connected('mallory');
    const said = [
      'not JSON',
      '[]',
      '{}',
      '[[[[[[[[[[[[[[[[[[[[[[[[[[[[',
      '{"event":"publish"}',
      JSON.stringify({ event: 'publish', id: 'x', ...keys('m'), sdp: 'v=0' }),
      JSON.stringify({
        event: 'subscribe',
        id: 'x',
        ...keys('anna'),
        sdp: 'v=0\r\na=setup:active',
      }),
      JSON.stringify({ event: 'publish', id: 'x', ...keys('m'), sdp: 'x'.repeat(200_000) }),
      JSON.stringify({ event: 'publish', id: 'x', ...keys('\u0000'), sdp: '' }),
      '{"event":"publish","__proto__":{"id":"1"}}',
    ];
    for (const text of said) await mallory.say(text);
    await eventually(async () => {
      const errors = (await mallory.heard()).filter(({ event }) => event === 'error');
      return errors.length === said.length ? undefined : `${String(errors.length)} errors`;
    });
    await Promise.all(Array.from({ length: 600 }, () => mallory.say('flood')));
    await eventually(async () => {
      const texts = (await mallory.heard()).map(({ message }) => message ?? '');
      return texts.some((text) => text.includes('too many messages')) ? undefined : 'not limited';
    });
    expect((await mallory.heard()).length).toBeLessThan(600);
    await decodes(ben, 1);
  });

  test('is read or refused, however it is mangled', async () => {
    const others = new Set(await transports());
    const [anna, ben] = [await connected('anna'), await connected('ben')];
    await anna.publish(keys('anna'));
    await ben.subscribe(keys('anna'));
    const mallory = await connected('mallory');
    await mallory.publish(keys('mallory'));
    const own = (await transports()).filter((id) => !others.has(id));
    for (const text of fc.sample(mangled(keys('anna')), { numRuns: 150, seed: 7 })) {
      await mallory.say(text);
    }
    // It is still heard, and in order: this is answered last.
    const last = await mallory.ask({ event: 'unsubscribe', id: 'last', ...keys('nobody') });
    expect(last).toMatchObject({ event: 'error', id: 'last' });
    expect((await mallory.heard()).filter(({ event }) => event === 'error').length).toBeGreaterThan(
      50,
    );
    await decodes(ben, 1);
    expect(await transports()).toEqual(expect.arrayContaining(own));
  });

  test('the first offer must be of data channels alone', async () => {
    const router = nodes[0].workers.list[0]!.router;
    const before = (await router.dump()).transportIds.length;
    const peer = new PagePeer(page, 'media');
    await expect(createAt(0)(await peer.offer({ video: 1 }))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await expect(createAt(0)('nonsense')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect((await router.dump()).transportIds.length).toBeLessThanOrEqual(before);
  });
});

test('a node that drains says so, and what it carried can be published elsewhere', async () => {
  const node = await cluster.startNode('node-3');
  const there = new NodeCalls(node);
  nodes.push(node);
  calls.push(there);
  try {
    const anna = await connected('anna', 2 as 0);
    await anna.publish(keys('anna'));
    const ben = await connected('ben', 1);
    await ben.subscribe(keys('anna'));
    await decodes(ben, 1);
    const idle = await connected('idle', 2 as 0);
    await there.drain(8_000);
    await eventually(async () => ((await idle.heard()).length > 0 ? undefined : 'not told'));
    expect((await idle.heard())[0]).toMatchObject({
      event: 'error',
      message: 'Server is draining: create a new session',
    });
    const again = await connected('again', 0);
    expect(await again.publish(keys('anna'))).toMatchObject({ event: 'publish' });
    await decodes(ben, 1);
    await eventually(async () => {
      const states = [await anna.state(), await idle.state()];
      return states.every((state) => state !== 'connected') ? undefined : states.join();
    }, 20_000);
    await decodes(ben, 1);
  } finally {
    there.close();
    nodes.pop();
    calls.pop();
    await cluster.stopNode(node);
  }
});
