import { eventually } from '@sluice/testing';
import { SignJWT } from 'jose';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { BrowserParticipant } from '../browser/participant.js';
import { seeVideo } from '../browser/playback.js';
import { RawClient } from '../raw-client.js';
import { Scene } from '../scene.js';

const CALL = 'call';
const PUBLISHER = { publisher: 'publisher' };
const ROOM = 'attacked';

const scene = Scene.ofThisFile('bad-input');
let viewer: BrowserParticipant;
let offer: string;
let pids: readonly number[];

const processIds = () => scene.cluster.services().map(({ pid }) => pid);
const memberToken = () => scene.cluster.token({ subject: 'mallory', room: ROOM });
const enter = async () => RawClient.enter(scene.cluster.ws, await memberToken(), ROOM);

// Somebody else's call, across nodes, goes on through all of it.
beforeAll(async () => {
  const publisher = await scene.enter(CALL, 'publisher');
  await publisher.participant.publish({ room: CALL, video: { width: 320, height: 240 } });
  const far = await scene.enter(CALL, 'viewer');
  expect(far.node).not.toBe(publisher.node);
  viewer = far.participant;
  await viewer.subscribe({ room: CALL, ...PUBLISHER });
  await seeVideo(viewer, PUBLISHER);
  offer = await viewer.page.evaluate(async () => {
    const connection = new RTCPeerConnection();
    connection.addTransceiver('audio', { direction: 'sendonly' });
    connection.addTransceiver('video', { direction: 'sendonly' });
    const { sdp = '' } = await connection.createOffer();
    connection.close();
    return sdp;
  });
  pids = processIds();
});
afterEach(async () => {
  await seeVideo(viewer, PUBLISHER);
  expect(processIds()).toEqual(pids);
  expect(viewer.page.isClosed()).toBe(false);
});

/** Sends it from inside a room, and gives the error that comes back. */
async function errorFor(
  message: object | string | Buffer,
): Promise<{ code: unknown; id: unknown }> {
  const client = await enter();
  client.send(message);
  const { code, id } = await client.until('error');
  // The connection bears it, and works on.
  client.send({ type: 'leave-room', roomName: ROOM });
  await client.until('room-left');
  await client.close();
  return { code, id };
}

const publish = (sdp: unknown) => ({ type: 'publish-offer', roomName: ROOM, offer: sdp, id: 'it' });

describe('a frame that', () => {
  test.each([
    ['is not JSON', 'hello'],
    ['is cut off', '{"type":"join-room"'],
    ['is no object', '[1, 2]'],
    ['is null', 'null'],
    ['has no type', {}],
    ['has an unknown type', { type: 'dance' }],
    ['has a type of the prototype', { type: 'constructor' }],
    ['has wrong types', { type: 'subscribe-request', roomName: 7, publisherId: {} }],
    ['is nested a thousand deep', `{"type":${'['.repeat(1_000)}${']'.repeat(1_000)}}`],
    ['is binary', Buffer.from([0, 1, 2, 255])],
  ])('%s is refused as malformed', async (_, message) => {
    expect((await errorFor(message)).code).toBe('INVALID_ARGUMENT');
  });

  test('is huge ends the connection that sent it', async () => {
    const client = await enter();
    client.send('x'.repeat(4 * 1024 * 1024));
    expect(await client.untilClosed()).toBe(1009);
  });
});

describe('a request for', () => {
  test.each([
    [
      'a room that one is not in',
      { type: 'subscribe-request', roomName: 'nowhere', publisherId: 'x' },
    ],
    [
      'a publisher that is not there',
      { type: 'subscribe-request', roomName: ROOM, publisherId: 'x' },
    ],
    ['layers of nothing', { type: 'set-layers', roomName: ROOM, publisherId: 'x', spatial: 1 }],
    [
      'an answer to no offer',
      { type: 'subscribe-answer', roomName: ROOM, publisherId: 'x', answer: '' },
    ],
  ])('%s gets a typed error with its id', async (_, message) => {
    const { code, id } = await errorFor({ ...message, id: 'it' });
    expect(code).toMatch(/^(NOT_FOUND|PERMISSION_DENIED|INVALID_STATE|INVALID_ARGUMENT)$/);
    expect(id).toBe('it');
  });

  test('a publisher that is not there is refused in the words that clients know', async () => {
    const client = await enter();
    client.send({ type: 'subscribe-request', roomName: ROOM, publisherId: 'nobody' });
    const { message } = await client.until('error');
    expect(message).toBe(`SFU subscribe request error: Publisher nobody not found in room ${ROOM}`);
    await client.close();
  });
});

describe('an offer', () => {
  const without = (pattern: RegExp) => offer.replaceAll(pattern, '');

  test.each<[string, () => unknown]>([
    ['that is empty', () => ''],
    ['that is no SDP', () => 'hello'],
    ['that is a number', () => 7],
    ['without a fingerprint', () => without(/a=fingerprint:.*\r\n/g)],
    [
      'with an empty fingerprint',
      () => offer.replaceAll(/a=fingerprint:.*\r\n/g, 'a=fingerprint:\r\n'),
    ],
    ['without ICE credentials', () => without(/a=ice-(ufrag|pwd):.*\r\n/g)],
    ['without rtcp-mux', () => without(/a=rtcp-mux\r\n/g)],
    ['without BUNDLE', () => without(/a=group:BUNDLE.*\r\n/g)],
    ['with the same mid twice', () => offer.replaceAll(/a=mid:.*\r\n/g, 'a=mid:0\r\n')],
    ['with thousands of m-lines', () => manyMLines(offer, 2_500)],
  ])('%s is refused, and the same session may still publish', async (_, bad) => {
    const client = await enter();
    client.send(publish(bad()));
    const { code, id } = await client.until('error');
    expect(code).toMatch(/^(INVALID_ARGUMENT|TOO_LARGE)$/);
    expect(id).toBe('it');

    client.send(publish(offer));
    await client.until('publish-answer');
    await client.close();
  });

  test('that comes twice is answered twice, and publishes once', async () => {
    const client = await enter();
    client.send(publish(offer));
    client.send(publish(offer));
    await client.until('publish-answer', client.frames.length);
    await eventually(() => {
      const answers = client.frames.filter(({ type }) => type === 'publish-answer');
      return answers.length === 2 ? undefined : `${answers.length} answers`;
    });
    expect(await scene.streams(ROOM)).toHaveLength(1);
    await client.close();
  });
});

describe('a token that', () => {
  const foreignKey = new TextEncoder().encode('another cluster’s secret, of 32 bytes');
  const sign = (claims: Record<string, unknown>) =>
    new SignJWT({ sub: 'mallory', ...claims }).setProtectedHeader({ alg: 'HS256' });
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');

  test.each<[string, () => string | Promise<string>]>([
    ['is none', () => 'hello'],
    ['is empty', () => ''],
    ['has expired', () => scene.cluster.token({ subject: 'mallory', ttlSeconds: -120 })],
    ['another cluster signed', () => sign({}).setExpirationTime('1h').sign(foreignKey)],
    [
      'nobody signed',
      () => `${encode({ alg: 'none' })}.${encode({ sub: 'mallory', exp: 4_000_000_000 })}.`,
    ],
    ['is megabytes long', () => 'x'.repeat(200_000)],
  ])('%s is refused, and the connection ends', async (_, makeToken) => {
    const client = await RawClient.open(scene.cluster.ws);
    client.send({ type: 'auth', token: await makeToken() });
    const { message } = await client.until('error');
    expect(message).toMatch(/^Authentication failed/);
    expect(await client.untilClosed()).toBe(4401);
  });

  test('is for another room opens no other', async () => {
    const client = await RawClient.enter(scene.cluster.ws, await memberToken());
    client.send({ type: 'join-room', roomName: CALL, id: 1 });
    expect((await client.until('error'))['code']).toBe('PERMISSION_DENIED');
    await client.close();
  });

  test('does not let one publish or subscribe lets one do neither', async () => {
    const token = await scene.cluster.token({ subject: 'mute', publish: false, subscribe: false });
    const client = await RawClient.enter(scene.cluster.ws, token, CALL);
    for (const message of [
      { ...publish(offer), roomName: CALL },
      { type: 'subscribe-request', roomName: CALL, publisherId: 'publisher' },
    ]) {
      const from = client.frames.length;
      client.send(message);
      expect((await client.until('error', from))['code']).toBe('PERMISSION_DENIED');
    }
    await client.close();
  });

  test('comes a second time changes nothing', async () => {
    const client = await enter();
    client.send({ type: 'auth', token: await memberToken() });
    expect((await client.until('error'))['message']).toBe('Authentication already completed');
    await client.close();
  });
});

describe('a message', () => {
  test('after leaving the room gets the error that clients know', async () => {
    const client = await enter();
    client.send({ type: 'leave-room', roomName: ROOM });
    await client.until('room-left');
    client.send({ type: 'unpublish', roomName: ROOM, id: 2 });
    expect((await client.until('error'))['message']).toMatch(
      /^(You are not in this room|Room not found)$/,
    );
    await client.close();
  });

  test('sent in the same breath as the end of the connection hurts nobody', async () => {
    const client = await enter();
    client.send(publish(offer));
    await client.close();
    await eventually(async () => {
      const left = (await scene.streams(ROOM)).filter(
        ({ participant }) => participant === 'mallory',
      );
      return left.length === 0 ? undefined : `left: ${JSON.stringify(left)}`;
    });
  });

  test('that joins a room twice answers twice, and shows one participant', async () => {
    const client = await enter();
    const from = client.frames.length;
    client.send({ type: 'join-room', roomName: ROOM, id: 'again' });
    await eventually(() =>
      client.frames.slice(from).some(({ id }) => id === 'again') ? undefined : 'no reply',
    );
    const other = await RawClient.enter(
      scene.cluster.ws,
      await scene.cluster.token({ subject: 'other' }),
      ROOM,
    );
    const joined = await other.until('room-joined');
    const users = (joined['participants'] as { userId: string }[]).map(({ userId }) => userId);
    expect(users.filter((userId) => userId === 'mallory')).toHaveLength(1);
    await other.close();
    await client.close();
  });
});

/** The same offer with so many more m-lines, each as short as can be: the frame itself is not too large. */
function manyMLines(sdp: string, count: number): string {
  const more = Array.from(
    { length: count },
    (_, index) => `m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:m${index}\r\n`,
  );
  return sdp + more.join('');
}
