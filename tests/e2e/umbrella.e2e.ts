import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { eventually } from '@sluice/testing';
import { expect, test } from 'vitest';
import { WebSocketServer, type WebSocket } from 'ws';
import { seeVideo } from '../browser/playback.js';
import { Scene } from '../scene.js';
import { UmbrellaPeer } from '../umbrella-peer.js';

const scene = Scene.ofThisFile('umbrella', { gateways: 2 });

const address = (room: string) =>
  `${scene.cluster.origin.replace(/^http/, 'ws')}/wsb?${new URLSearchParams({ room }).toString()}`;

async function open(room: string): Promise<UmbrellaPeer> {
  return UmbrellaPeer.open(await scene.browsers.openPage(), [address(room)]);
}

/** Waits until that many video tracks have decoded more frames than they had. */
async function seeTracks(peer: UmbrellaPeer, tracks: number): Promise<void> {
  const before = await peer.frames();
  await eventually(async () => {
    const frames = await peer.frames();
    const growing = Object.entries(frames).filter(([id, count]) => count > (before[id] ?? 0) + 5);
    return growing.length >= tracks
      ? undefined
      : `${JSON.stringify(frames)} ${JSON.stringify(await peer.state())}`;
  }, 30_000);
}

test('two of its clients and one of rooms see each other, on two nodes', async () => {
  const room = 'umbrella-and-rooms';
  const ann = await open(room);
  const annsTracks = await ann.publish();
  const bob = await open(room);
  await bob.publish();
  await seeTracks(ann, 1);
  await seeTracks(bob, 1);

  const { participant } = await scene.enter(room, 'carol');
  await participant.publish({ room, video: { width: 320, height: 240 } });
  await seeTracks(ann, 2);
  await seeTracks(bob, 2);

  // Each track of a peer is a stream of its own, named by what it is called everywhere.
  const video = annsTracks.find(({ kind }) => kind === 2)?.umbrellaId ?? '';
  const stream = (await scene.streams(room)).find(({ purpose }) => purpose.endsWith(`:${video}`));
  expect(stream?.participant).toMatch(/^umbrella-/);
  const publisher = stream?.participant ?? '';
  const { purpose = '' } = stream ?? {};
  await participant.subscribe({ room, publisher, purpose });
  await seeVideo(participant, { publisher, purpose });
  expect(new Set((await scene.streams(room)).map(({ node }) => node)).size).toBe(2);
  expect(await bob.frames()).toHaveProperty(video);

  // What ends is taken away by another offer.
  await participant.leave();
  await eventually(async () => {
    const count = Object.keys(await ann.frames()).length;
    return count === 1 ? undefined : `${count} ${JSON.stringify(await ann.state())}`;
  }, 15_000);
  expect((await ann.state()).problems).toEqual([]);
  expect((await bob.state()).problems).toEqual([]);
}, 120_000);

test('in a ring of trunks a track takes one way, nobody storms, and another way is taken when that ends', async () => {
  const rooms = ['ring-1', 'ring-2'] as const;
  const far = address(rooms[1]);
  const publisher = await open(rooms[0]);
  const tracks = await publisher.publish();
  const video = tracks.find(({ kind }) => kind === 2)?.umbrellaId ?? '';
  const viewer = await open(rooms[1]);
  const trunks = [await open(rooms[0]), await open(rooms[0])] as const;
  for (const trunk of trunks) await seeTracks(trunk, 1);
  const ways = async () => {
    const streams = await scene.streams(rooms[1]);
    return streams.filter(({ purpose }) => purpose.endsWith(`:${video}`));
  };
  await trunks[0].dial(far);
  await seeTracks(viewer, 1);
  expect(await viewer.frames()).toHaveProperty([video]);
  await trunks[1].dial(far);
  await eventually(async () => {
    const { links } = await trunks[1].state();
    return links[1]?.outgoing === 'stable connected' ? undefined : JSON.stringify(links);
  }, 20_000);

  // Nothing is said any more while the picture goes on.
  const said = async () =>
    (await Promise.all(trunks.map((trunk) => trunk.state()))).map(({ announced }) => announced);
  const before = await said();
  await seeTracks(viewer, 1);
  expect(await said()).toEqual(before);
  expect(await ways()).toHaveLength(1);
  expect(await publisher.frames()).toEqual({});
  for (const trunk of trunks) expect((await trunk.state()).problems).toEqual([]);

  await trunks[0].hangUp(1);
  await seeTracks(viewer, 1);
  expect(await ways()).toHaveLength(1);
  await trunks[1].hangUp(1);
  await eventually(async () => ((await ways()).length === 0 ? undefined : 'still there'), 10_000);
}, 180_000);

/** Lets two sides dial that each want to be dialled: the first at `/peer`, the other one anywhere. */
class Meeting {
  readonly #server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  readonly #waiting: WebSocket[] = [];
  dialled = 0;

  async open(): Promise<void> {
    await once(this.#server, 'listening');
    this.#server.on('connection', (socket, request) => {
      if (request.url === '/peer') {
        // What it says waits with it.
        socket.pause();
        this.#waiting.push(socket);
        return;
      }
      this.dialled += 1;
      const peer = this.#waiting.shift();
      if (!peer) {
        socket.close();
        return;
      }
      socket.on('message', (data) => peer.send(data));
      peer.on('message', (data) => socket.send(data));
      socket.on('close', () => peer.close());
      peer.on('close', () => socket.close());
      peer.resume();
    });
  }

  address(path: string): string {
    return `ws://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}${path}`;
  }

  get idle(): boolean {
    return this.#waiting.length > 0;
  }

  close(): void {
    for (const client of this.#server.clients) client.terminate();
    this.#server.close();
  }
}

async function servers(list?: readonly string[]): Promise<string> {
  const token = await scene.cluster.token({ subject: 'operator', admin: true });
  const text = (value: string) => [...Buffer.from([0x0a, value.length]), ...Buffer.from(value)];
  const response = await fetch(`${scene.cluster.origin}/servers`, {
    method: list ? 'POST' : 'GET',
    headers: { 'Content-Type': 'application/x-protobuf', Authorization: `Bearer ${token}` },
    ...(list && { body: Buffer.from(list.flatMap(text)) }),
  });
  expect(response.status).toBe(200);
  return Buffer.from(await response.arrayBuffer()).toString('utf8');
}

test('a server on the list is dialled by one gateway, and again when it was cut off', async () => {
  const meeting = new Meeting();
  await meeting.open();
  const arrive = async () => {
    const page = await scene.browsers.openPage();
    const peer = await UmbrellaPeer.open(page, [meeting.address('/peer')]);
    await eventually(() => Promise.resolve(meeting.idle ? undefined : 'not there'));
    return peer;
  };
  const viewer = await open('umbrella');
  const far = await arrive();
  await far.publish();
  await servers([meeting.address('/wsb?token=secret')]);
  expect(await servers()).not.toContain('secret');
  await seeTracks(viewer, 1);
  await viewer.publish();
  await seeTracks(far, 1);
  expect(meeting.dialled).toBe(1);

  await far.hangUp(0);
  const again = await arrive();
  await again.publish();
  await seeTracks(viewer, 1);
  await servers([]);
  await eventually(async () => {
    const { links } = await again.state();
    return links[0]?.closed === undefined ? 'not hung up' : undefined;
  }, 10_000);
  meeting.close();
}, 120_000);

test('the pages of that dialect join, set servers and show what is linked', async () => {
  const { origin } = scene.cluster;
  const room = 'pages';
  const openPage = async (path: string) => {
    const page = await scene.browsers.openPage();
    await page.goto(`${origin}${path}`);
    return page;
  };
  const publisher = await openPage(`/sfu?room=${room}`);
  await publisher.getByText('Join with camera').click();
  const viewer = await openPage(`/sfu?room=${room}`);
  await viewer.getByText('Join as a viewer').click();
  await eventually(async () => {
    const playing = await viewer.evaluate(() => {
      const video = document.querySelector('video');
      return video !== null && video.videoWidth > 0 && video.currentTime > 0.5;
    });
    return playing ? undefined : ((await viewer.locator('body').textContent()) ?? '');
  }, 30_000);

  const token = await scene.cluster.token({ subject: 'operator', admin: true });
  const list = await openPage(`/servers?token=${token}`);
  const camera = 'rtsp://ada:secret@127.0.0.1:9/secret';
  await list.locator('textarea').fill(`ws://127.0.0.1:9/wsb?token=secret\n${camera}`);
  await list.getByText('Set').click();
  await eventually(async () => {
    const shown = await list.locator('textarea').inputValue();
    const [trunk, pulled = ''] = shown.split('\n');
    const right =
      trunk === 'ws://127.0.0.1:9/wsb?token=…' && /^rtsp:\/\/127.0.0.1:9\/#/.test(pulled);
    return right ? undefined : shown;
  }, 10_000);
  // Of whichever gateway one asks: the publisher came by the first.
  for (const { addresses } of scene.cluster.services('gateway')) {
    const status = await scene.browsers.openPage();
    await status.goto(`${addresses['http'] ?? ''}/status`);
    await status.getByText('video').first().waitFor();
    await status.getByText('at gateway-1').first().waitFor();
    await status.getByText('Camera rtsp://127.0.0.1:9').first().waitFor();
    expect(await status.locator('body').textContent()).not.toContain('secret');
  }
  expect(await servers([])).toBe('');
}, 90_000);
