import { eventually } from '@sluice/testing';
import { expect, test } from 'vitest';
import { seeVideo } from '../browser/playback.js';
import { PionClient, type PionOptions } from '../pion-client.js';
import { Scene } from '../scene.js';

const scene = Scene.ofThisFile('pion-sfu', {
  overrides: { gateway: { SLUICE_PION_LISTEN: '127.0.0.1:0' } },
});

async function open(options: Partial<PionOptions> & { readonly room: string }) {
  const address = `${scene.cluster.origin.replace(/^http/, 'ws')}/pion`;
  const page = await scene.browsers.openPage();
  const self = options.self ?? 'somebody';
  return PionClient.open(page, { address, joins: 1, publishes: true, ...options, self });
}

/** Waits until that many tracks of others have decoded more frames than they had. */
async function seeOthers(client: PionClient, tracks: number): Promise<void> {
  const before = await client.frames();
  await eventually(async () => {
    const frames = await client.frames();
    const growing = Object.entries(frames).filter(([mid, count]) => count > (before[mid] ?? 0) + 5);
    return growing.length >= tracks
      ? undefined
      : `${JSON.stringify(frames)} ${JSON.stringify(await client.said())}`;
  }, 30_000);
}

test('two of its clients and one of rooms see each other, on two nodes', async () => {
  const room = 'pion-and-rooms';
  const ann = await open({ room, self: 'ann' });
  const bob = await open({ room, self: 'bob', joins: 2 });
  await seeOthers(ann, 1);
  const { participant } = await scene.enter(room, 'carol');
  await participant.publish({ room, video: { width: 320, height: 240 } });
  await seeOthers(ann, 2);
  await seeOthers(bob, 2);
  for (const publisher of ['ann', 'bob']) {
    await participant.subscribe({ room, publisher });
    await seeVideo(participant, { publisher });
  }
  const streams = await scene.streams(room);
  expect(new Set(streams.map(({ node }) => node)).size).toBe(2);

  // What ends is taken away by another offer, and what comes back gets the place.
  await participant.leave();
  for (const client of [ann, bob]) {
    // Bob as well: an answer that is under way when he leaves is one for a room he is not in.
    await eventually(async () => {
      const sent = await client.sent();
      return sent.some((track) => track.includes('carol')) ? JSON.stringify(sent) : undefined;
    }, 15_000);
  }
  expect(await ann.sent()).toEqual([
    `${room}-bob-m.usermedia audio`,
    `${room}-bob-m.usermedia video`,
  ]);
  await bob.leave();
  await eventually(async () => {
    const sent = await ann.sent();
    return sent.length > 0 ? JSON.stringify(sent) : undefined;
  }, 15_000);
  expect((await ann.said()).errors).toEqual([]);
  expect((await bob.said()).errors).toEqual([]);
}, 120_000);

test('an offer joins by itself, a client may only receive, and publish later', async () => {
  const room = 'pion-late';
  const publisher = await open({ room, self: 'early' });
  const viewer = await open({ room, self: 'late', joins: 0, publishes: false });
  await seeOthers(viewer, 1);
  await viewer.publish();
  await seeOthers(publisher, 1);
  await seeOthers(viewer, 1);
  expect((await viewer.said()).errors).toEqual([]);
}, 90_000);

test('on its own port every path is its', async () => {
  const [gateway] = scene.cluster.services('gateway');
  const address = `${gateway?.addresses['pion']?.replace(/^http/, 'ws') ?? ''}/any/path`;
  const room = 'pion-own-port';
  const ann = await open({ room, self: 'ann', address });
  const bob = await open({ room, self: 'bob' });
  await seeOthers(ann, 1);
  await seeOthers(bob, 1);
}, 90_000);
