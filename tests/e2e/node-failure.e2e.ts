import { eventually } from '@sluice/testing';
import { expect, test } from 'vitest';
import { seeVideo } from '../browser/playback.js';
import { reportOf } from '../cluster-under-test.js';
import { Scene } from '../scene.js';

const ROOM = 'survivors';
const PUBLISHER = { publisher: 'publisher' };

const scene = Scene.ofThisFile('node-failure', { nodes: 3 });

test('a media node that is killed takes neither the others nor their calls with it', async () => {
  const publisher = await scene.enter(ROOM, 'publisher');
  const viewer = await scene.enter(ROOM, 'viewer');
  const doomed = await scene.enter(ROOM, 'doomed');
  expect(new Set([publisher.node, viewer.node, doomed.node]).size).toBe(3);
  await publisher.participant.publish({ room: ROOM, video: { width: 320, height: 240 } });
  for (const { participant } of [viewer, doomed]) {
    await participant.subscribe({ room: ROOM, ...PUBLISHER });
    await seeVideo(participant, PUBLISHER);
  }
  const others = scene.cluster.services().filter(({ name }) => name !== doomed.node);

  await scene.cluster.kill(doomed.node, 'SIGKILL');

  await seeVideo(viewer.participant, PUBLISHER);
  const { nodes } = reportOf(scene.cluster.api);
  await eventually(async () => {
    const listed = (await nodes()).find(({ id }) => id === doomed.node);
    return listed?.state === 'serving' ? 'the dead node is still listed as serving' : undefined;
  });
  await eventually(async () => {
    const relays = (await scene.relays(ROOM)).filter(({ toNode }) => toNode === doomed.node);
    return relays.length === 0 ? undefined : 'the dead node’s relay is still listed';
  });
  const late = await scene.enter(ROOM, 'late');
  expect(late.node).not.toBe(doomed.node);
  await late.participant.subscribe({ room: ROOM, ...PUBLISHER });
  await seeVideo(late.participant, PUBLISHER);
  await seeVideo(viewer.participant, PUBLISHER);
  expect(scene.cluster.services()).toEqual(others);
});
