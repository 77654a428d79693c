import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '@sluice/testing';
import type { SessionEvent } from '../src/domain/sessions/session-events.js';
import type { Session } from '../src/domain/sessions/session.js';
import type { Workers } from '../src/mediasoup/workers.js';
import { DataPeer, type PeerChannel, type Said } from './data-peer.fixture.js';
import { localNode, openOneCore, type LocalNode } from './local-node.fixture.js';
import { StallingPeer } from './stalling-peer.fixture.js';

const CHAT = { room: 'room', participant: 'anna', purpose: 'chat' };
const LARGEST = Buffer.alloc(256 * 1024, 7);
/** One of each kind. */
const MESSAGES: readonly Said[] = [
  'hello',
  '',
  Buffer.from([1, 2, 3]),
  Buffer.alloc(0),
  LARGEST,
  'end',
];
/** How often clients are asked whether they closed a channel. */
const CHECK_MS = 2_000;

let workers: Workers;
let local: LocalNode;
const peers: DataPeer[] = [];

beforeAll(async () => {
  ({ workers } = await openOneCore());
});

afterAll(() => workers.close());

beforeEach(() => {
  local = localNode(workers, { data: { messagesPerSecond: 100, bytesPerSecond: 1024 * 1024 } });
});

afterEach(() => {
  for (const peer of peers.splice(0)) peer.close();
  local.node.close('test over');
  expect(local.troubles).toEqual([]);
});

function aPeer(name: string): DataPeer {
  const peer = new DataPeer(name);
  peers.push(peer);
  return peer;
}

async function publish(peer: DataPeer): Promise<{ session: Session; events: SessionEvent[] }> {
  const anna = local.open('anna');
  const { answer } = await anna.session.publish(CHAT.purpose, await peer.offer());
  peer.accept(answer);
  return anna;
}

/** Somebody else who is sent anna's data. */
async function watch(name: string): Promise<{ peer: DataPeer; events: SessionEvent[] }> {
  const peer = aPeer(name);
  const { session, events } = local.open(name);
  const answered = new Set<SessionEvent>();
  const offer = await session.subscribe(CHAT, '');
  if (offer !== '') await session.answer(CHAT, await peer.answer(offer));
  await eventually(async () => {
    for (const event of events) {
      if (event.type !== 'subscriptionOffered' || answered.has(event)) continue;
      answered.add(event);
      await session.answer(CHAT, await peer.answer(event.sdp));
    }
    return peer.channels.length > 0 ? undefined : 'no channel was opened';
  }, 15_000);
  return { peer, events };
}

async function annaSays(channel: PeerChannel, messages: readonly Said[]): Promise<void> {
  for (const message of messages) channel.say(message);
  await Promise.resolve();
}

/** Moves time on until the clients were asked. */
async function until(probe: () => string | undefined): Promise<void> {
  await eventually(() => {
    local.clock.elapse(CHECK_MS);
    return probe();
  }, 15_000);
}

describe('data that a client publishes', () => {
  test('reaches everybody who subscribes as it was sent, text, binary, empty and large', async () => {
    const anna = aPeer('anna');
    const chat = anna.open('chat', { protocol: 'plain' });
    await publish(anna);
    await chat.opened();
    const viewers = [await watch('ben'), await watch('carl')];
    const channels = await Promise.all(viewers.map(({ peer }) => peer.given(0)));
    expect(channels.map(({ label }) => label)).toEqual(['chat', 'chat']);
    expect(channels.map(({ channel }) => channel.getProtocol())).toEqual(['plain', 'plain']);
    await annaSays(chat, MESSAGES);
    await Promise.all(channels.map((channel) => channel.hears(MESSAGES)));
    const opened = viewers[0]!.events.find(({ type }) => type === 'channelOpened');
    expect(opened).toMatchObject({ trackId: 'data', streamId: channels[0]!.channel.getId() });
  });

  test('of a channel that may lose messages and their order comes on one like it', async () => {
    const anna = aPeer('anna');
    const game = anna.open('game', { unordered: true, maxRetransmits: 0 });
    await publish(anna);
    await game.opened();
    const { peer } = await watch('ben');
    const channel = await peer.given(0);
    await eventually(() => {
      game.say('now');
      return channel.heard.length > 2 ? undefined : 'nothing is heard';
    }, 15_000);
    expect(new Set(channel.heard)).toEqual(new Set(['now']));
  });

  test('ends with its channel, whose id serves another one', async () => {
    const anna = aPeer('anna');
    const first = anna.open('first');
    const { session } = await publishOpen(anna, first);
    const { peer } = await watch('ben');
    const heard = await peer.given(0);
    const id = first.channel.getId();
    first.channel.close();
    await until(() => (heard.closed ? undefined : 'ben was not told'));
    expect(session.publications.find('chat')?.tracks).toEqual([]);
    const second = anna.open('second');
    await second.opened();
    expect(second.channel.getId()).toBe(id);
    const next = await peer.given(1);
    expect(next.label).toBe('second');
    await annaSays(second, MESSAGES);
    await next.hears(MESSAGES);
  });

  test('comes on the PeerConnection that carries media both ways, whoever asked for channels', async () => {
    const anna = aPeer('anna');
    const chat = anna.open('chat');
    await publishOpen(anna, chat);
    const ben = aPeer('ben');
    const own = ben.open('own');
    const { session } = local.open('ben');
    const { answer } = await session.negotiate('main', await ben.offer(), () => 'unused');
    ben.accept(answer);
    await own.opened();
    const offer = await session.subscribe(CHAT, 'main');
    await session.answer(CHAT, await ben.answer(offer));
    const channel = await ben.given(0);
    expect(channel.channel.getId() % 2).not.toBe(own.channel.getId() % 2);
    own.say('to nobody');
    await annaSays(chat, MESSAGES);
    await channel.hears(MESSAGES);
  });

  test('goes on for others when one who hears it closes the channel or leaves', async () => {
    const anna = aPeer('anna');
    const chat = anna.open('chat');
    await publishOpen(anna, chat);
    const [ben, carl, dora] = [await watch('ben'), await watch('carl'), await watch('dora')];
    const [atBen, atDora] = [await ben.peer.given(0), await dora.peer.given(0)];
    atBen.channel.close();
    carl.peer.close();
    await annaSays(chat, MESSAGES);
    await atDora.hears(MESSAGES);
    await atBen.ends();
    local.clock.elapse(CHECK_MS);
    expect(ben.peer.channels).toHaveLength(1);
    expect(chat.closed).toBe(false);
  });
});

test('who does not read loses the channel, hears why, and holds up nobody', async () => {
  const anna = aPeer('anna');
  const chat = anna.open('chat');
  await publishOpen(anna, chat);
  const { session, events } = local.open('ben');
  const ben = new StallingPeer();
  try {
    await session.answer(CHAT, await ben.answer(await session.subscribe(CHAT, '')));
    await ben.says('opened');
    const carl = await (await watch('carl')).peer.given(0);
    ben.stall();
    // More than may wait, and never so much at once that carl could not keep up.
    for (let count = 4; count <= 24; count += 4) {
      await annaSays(chat, Array<Said>(4).fill(LARGEST));
      await carl.hears(Array<Said>(count).fill(LARGEST));
      local.clock.elapse(CHECK_MS);
    }
    await eventually(() => (errorsIn(events).length > 0 ? undefined : 'no error'), 15_000);
    expect(errorsIn(events)).toEqual(['CAPACITY_EXHAUSTED']);
    ben.resume();
    await ben.says('closed');
    expect([carl.closed, chat.closed]).toEqual([false, false]);
  } finally {
    ben.close();
  }
});

describe('who sends too much', () => {
  test('loses the channel, hears why, and hurts nobody', async () => {
    const anna = aPeer('anna');
    const chat = anna.open('chat');
    const { events } = await publishOpen(anna, chat);
    const { peer } = await watch('ben');
    const channel = await peer.given(0);
    await annaSays(
      chat,
      Array.from({ length: 600 }, (_, index) => String(index)),
    );
    await chat.ends();
    await channel.ends();
    // All that was sent until then, in order.
    expect(channel.heard).toEqual(channel.heard.map((_, index) => String(index)));
    expect(channel.heard.length).toBeGreaterThan(100);
    expect(errorsIn(events)).toEqual(['RATE_LIMITED']);
  });

  test('to where it should only listen loses what it listens to', async () => {
    const anna = aPeer('anna');
    const chat = anna.open('chat');
    await publishOpen(anna, chat);
    const { peer } = await watch('ben');
    const channel = await peer.given(0);
    await annaSays(
      channel,
      Array.from({ length: 600 }, (_, index) => String(index)),
    );
    await channel.ends();
    expect([chat.closed, chat.heard]).toEqual([false, []]);
  });

  test('on a channel that may lose messages loses those', async () => {
    const anna = aPeer('anna');
    const game = anna.open('game', { unordered: true, maxRetransmits: 0 });
    const { events } = await publishOpen(anna, game);
    await annaSays(
      game,
      Array.from({ length: 600 }, (_, index) => String(index)),
    );
    await eventually(() => (errorsIn(events).length > 0 ? undefined : 'no error'), 15_000);
    expect(errorsIn(events)).toEqual(['RATE_LIMITED']);
    expect(game.closed).toBe(false);
  });

  test('opens no more channels than allowed', async () => {
    const anna = aPeer('anna');
    const channels = Array.from({ length: 20 }, (_, index) => anna.open(`channel ${index}`));
    const { session, events } = await publishOpen(anna, channels[0]!);
    await eventually(() => (errorsIn(events).length > 0 ? undefined : 'no error'), 15_000);
    expect(errorsIn(events)).toEqual(['RATE_LIMITED']);
    await eventually(() => {
      const closed = channels.filter((channel) => channel.closed).length;
      return closed === 4 ? undefined : `${closed} are closed`;
    }, 15_000);
    await eventually(() => {
      const count = session.publications.find('chat')?.tracks.length;
      return count === 16 ? undefined : `${String(count)} tracks`;
    }, 15_000);
  });
});

async function publishOpen(peer: DataPeer, channel: PeerChannel) {
  const published = await publish(peer);
  await channel.opened();
  return published;
}

function errorsIn(events: readonly SessionEvent[]): string[] {
  return events.flatMap((event) => (event.type === 'failed' ? [event.error.code] : []));
}
