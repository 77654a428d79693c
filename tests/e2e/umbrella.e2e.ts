import { eventually } from '@sluice/testing';
import { expect, test } from 'vitest';
import { seeVideo } from '../browser/playback.js';
import { Scene } from '../scene.js';
import { UmbrellaPeer } from '../umbrella-peer.js';

const scene = Scene.ofThisFile('umbrella');

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
