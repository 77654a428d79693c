import { once } from 'node:events';
import { seededRandom } from '@sluice/testing';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { BrowserParticipant } from '../browser/participant.js';
import { seeVideo } from '../browser/playback.js';
import { Scene } from '../scene.js';

const CALL = 'call';
const PUBLISHER = { publisher: 'publisher' };

const scene = Scene.ofThisFile('bad-dialects');
let viewer: BrowserParticipant;
let pids: readonly number[];

const processIds = () => scene.cluster.services().map(({ pid }) => pid);

// Somebody else's call, across nodes, goes on through all of it.
beforeAll(async () => {
  const publisher = await scene.enter(CALL, 'publisher');
  await publisher.participant.publish({ room: CALL, video: { width: 320, height: 240 } });
  const far = await scene.enter(CALL, 'viewer');
  expect(far.node).not.toBe(publisher.node);
  viewer = far.participant;
  await viewer.subscribe({ room: CALL, ...PUBLISHER });
  await seeVideo(viewer, PUBLISHER);
  pids = processIds();
});
afterEach(async () => {
  await seeVideo(viewer, PUBLISHER);
  expect(processIds()).toEqual(pids);
});

/** A socket that keeps all that it is sent. */
async function connect(path: string) {
  const socket = new WebSocket(`${scene.cluster.origin.replace(/^http/, 'ws')}${path}`);
  const frames: Buffer[] = [];
  const heard = Promise.withResolvers<undefined>();
  socket.on('message', (data) => {
    frames.push(data as Buffer);
    heard.resolve(undefined);
  });
  socket.on('error', () => undefined);
  const closed = once(socket, 'close').then(([code]) => code as number);
  await once(socket, 'open');
  return { socket, frames, closed, heard: heard.promise };
}

const ids = { self_id: 'mallory', room_id: 'attacked' };
const offerOf = (sdp: string) => ({
  event: 'offer',
  data: { ...ids, offer: { type: 'offer', sdp } },
});

describe('over Pion_SFU', () => {
  test.each([
    ['no JSON', 'hello', 'INVALID_ARGUMENT'],
    ['null', 'null', 'INVALID_ARGUMENT'],
    ['an unknown event', { event: 'dance', data: {} }, 'INVALID_ARGUMENT'],
    ['an event of the prototype', { event: '__proto__', data: {} }, 'INVALID_ARGUMENT'],
    [
      'ids that are numbers',
      { event: 'joinRoom', data: { self_id: 1, room_id: 2 } },
      'INVALID_ARGUMENT',
    ],
    ['an offer without SDP', offerOf(' '), 'INVALID_ARGUMENT'],
    ['an offer that is half an SDP', offerOf('v=0\r\nm=audio'), 'INVALID_ARGUMENT'],
    [
      'an offer without a fingerprint',
      offerOf(
        'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n',
      ),
      'INVALID_ARGUMENT',
    ],
    [
      'an answer to nothing',
      { event: 'answer', data: { answer: { type: 'answer', sdp: 'v=0' } } },
      'NOT_FOUND',
    ],
    [
      'a candidate of nobody',
      { event: 'ice-candidate', data: { candidate: null, room_id: 'x' } },
      undefined,
    ],
    ['leaving where nobody is', { event: 'leaveRoom', data: {} }, 'NOT_FOUND'],
    ['a binary frame', Buffer.from([1, 2, 3]), 'INVALID_ARGUMENT'],
  ])('%s hurts nobody', async (_, frame, code) => {
    const { socket, frames, heard } = await connect('/pion');
    const raw = typeof frame === 'string' || Buffer.isBuffer(frame);
    socket.send(raw ? frame : JSON.stringify(frame));
    if (code === undefined) socket.send('{"event":"unknown"}');
    await heard;
    const message = JSON.parse(String(frames[0])) as { event: string; data: string };
    expect(message.event).toBe('error');
    expect(JSON.parse(message.data)).toMatchObject({ code: code ?? 'INVALID_ARGUMENT' });
    expect(socket.readyState).toBe(WebSocket.OPEN);
    socket.close();
  });

  test('a flood ends the connection that sends it', async () => {
    const { socket, closed } = await connect('/pion');
    for (let sent = 0; sent < 2_000; sent += 1) socket.send('{}');
    expect(await closed).toBe(4429);
  });

  test('a bad token is refused, though anybody may come without', async () => {
    const { socket, closed } = await connect('/pion?token=bad');
    socket.send(JSON.stringify({ event: 'joinRoom', data: ids }));
    expect(await closed).toBe(4401);
  });
});

describe('over Umbrella', () => {
  const problemIn = (frames: readonly Buffer[]) =>
    frames.some((frame) => frame.includes('INVALID_ARGUMENT'));

  test.each([
    ['an offer that is no JSON', '12030a0178'],
    ['an offer that is null', '12060a046e756c6c'],
    ['an answer to nothing', '1a040a027b7d'],
    ['a candidate that is no JSON', '0a030a0178'],
    ['a length beyond the end', '12ff7f'],
    ['a group that never ends', '0b'],
  ])('%s hurts nobody', async (_, hex) => {
    const link = await connect('/wsb');
    link.socket.send(Buffer.from(hex, 'hex'));
    await new Promise<void>((resolve) => {
      const look = () => (problemIn(link.frames) ? resolve() : undefined);
      link.socket.on('message', look);
      look();
    });
    expect(link.socket.readyState).toBe(WebSocket.OPEN);
    link.socket.close();
  });

  test('hundreds of random frames are borne or end their connection', async () => {
    for (let seed = 1; seed <= 5; seed += 1) {
      const random = seededRandom(seed);
      const { socket, closed } = await connect('/wsb');
      for (let sent = 0; sent < 150; sent += 1) {
        socket.send(Buffer.from(Array.from({ length: (sent * 7) % 300 }, () => random() * 256)));
      }
      socket.close();
      expect([1005, 4429]).toContain(await closed);
    }
  });

  test('a list without measure is refused, a flood ends the connection', async () => {
    const { socket, closed, frames } = await connect('/wsb');
    const track = [0x0a, 0x05, 0x22, 0x03, 0x55, 0x55, 0x55];
    const tracks = Array.from({ length: 1_000 }, () => track).flat();
    const length = [(tracks.length & 127) | 128, tracks.length >> 7];
    socket.send(Buffer.from([0x22, ...length, ...tracks]));
    while (!frames.some((frame) => frame.includes('128 items'))) await once(socket, 'message');
    for (let sent = 0; sent < 2_000; sent += 1) socket.send(Buffer.from([0x22, 0]));
    expect(await closed).toBe(4429);
  });

  test('a text frame, a bad token and a list of servers by nobody are refused', async () => {
    const text = await connect('/wsb');
    text.socket.send('hello');
    await text.heard;
    text.socket.close();
    expect(await (await connect('/wsb?token=bad')).closed).toBe(4401);
    const headers = { 'Content-Type': 'application/x-protobuf' };
    const address = `${scene.cluster.origin}/servers`;
    const post = (body: Buffer, token?: string) =>
      fetch(address, {
        method: 'POST',
        headers: { ...headers, ...(token && { Authorization: `Bearer ${token}` }) },
        body: new Uint8Array(body),
      });
    expect((await post(Buffer.from([]))).status).toBe(403);
    const token = await scene.cluster.token({ subject: 'operator', admin: true });
    for (const body of ['ff', '0a0178', '0a0568747470733a']) {
      expect((await post(Buffer.from(body, 'hex'), token)).status).toBe(400);
    }
    expect((await fetch(`${scene.cluster.origin}/status`)).headers.get('content-type')).toContain(
      'text/html',
    );
  });
});
