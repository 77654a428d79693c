import { eventually } from '@sluice/testing';
import { beforeAll, expect, test } from 'vitest';
import type { BrowserParticipant } from '../browser/participant.js';
import { seeVideo } from '../browser/playback.js';
import { Scene } from '../scene.js';

const ROOM = 'simulcast';
const WIDTHS = [240, 480, 960] as const;
const WANTED = { publisher: 'publisher' };

const scene = Scene.ofThisFile('simulcast');
let viewer: BrowserParticipant;

beforeAll(async () => {
  const publisher = await scene.enter(ROOM, 'publisher');
  const far = await scene.enter(ROOM, 'viewer');
  expect(far.node).not.toBe(publisher.node);
  viewer = far.participant;
  const video = { width: 960, height: 540, layers: 3 };
  await publisher.participant.publish({ room: ROOM, video, audio: true });
  await viewer.subscribe({ room: ROOM, ...WANTED });
});

function setLayers(layers: object): Promise<unknown> {
  const message = { type: 'set-layers', roomName: ROOM, publisherId: WANTED.publisher };
  return viewer.request({ ...message, ...layers });
}

test('a viewer on another node gets the largest layer once the way bears it', async () => {
  await seeVideo(viewer, WANTED, WIDTHS[2]);
});

test('set-layers makes what a far viewer gets smaller and larger again', async () => {
  for (const spatial of [0, 2, 1] as const) {
    await setLayers({ spatial });
    await seeVideo(viewer, WANTED, WIDTHS[spatial]);
  }
});

test('a paused video stands still while its sound goes on, and comes back when resumed', async () => {
  await setLayers({ paused: true });
  await eventually(async () => {
    const before = await viewer.received(WANTED);
    await soundGoesOn(before.find(({ kind }) => kind === 'audio')?.packets ?? 0);
    const frames = (await viewer.receivedVideo(WANTED))?.framesDecoded ?? 0;
    const more = frames - (before.find(({ kind }) => kind === 'video')?.framesDecoded ?? 0);
    return more === 0 ? undefined : `${more} frames were decoded`;
  });

  await setLayers({ paused: false });
  await seeVideo(viewer, WANTED);
});

/** Waits for half a second of sound after the given packets. */
async function soundGoesOn(packetsBefore: number): Promise<void> {
  await eventually(async () => {
    const packets = ((await viewer.receivedAudio(WANTED))?.packets ?? 0) - packetsBefore;
    return packets >= 25 ? undefined : `${packets} packets of sound`;
  });
}
