import { eventually } from '@sluice/testing';
import { beforeAll, describe, expect, test } from 'vitest';
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

function setLayers(layers: object, room = ROOM, of = viewer): Promise<unknown> {
  const message = { type: 'set-layers', roomName: room, publisherId: WANTED.publisher };
  return of.request({ ...message, ...layers });
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

describe.each([
  { codec: 'VP9', scalabilityMode: 'L2T2_KEY', told: true },
  { codec: 'AV1', scalabilityMode: 'L2T2', told: false },
] as const)('$codec in one stream of layers, $scalabilityMode', (svc) => {
  const room = `svc-${svc.codec}`;
  let near: BrowserParticipant;
  let far: BrowserParticipant;

  beforeAll(async () => {
    await scene.everybodyLeaves();
    const publisher = await scene.enter(room, 'publisher');
    const other = await scene.enter(room, 'far');
    const same = await scene.enter(room, 'near');
    expect(other.node).not.toBe(publisher.node);
    expect(same.node).toBe(publisher.node);
    [near, far] = [same.participant, other.participant];
    await publisher.participant.publish({ room, video: { width: 640, height: 480, svc } });
    await Promise.all([near, far].map((one) => one.subscribe({ room, ...WANTED })));
  });

  test('each viewer gets the size that it asks for, on either node', async () => {
    await Promise.all([near, far].map((one) => seeVideo(one, WANTED, 640)));
    await setLayers({ spatial: 0 }, room, far);
    await Promise.all([seeVideo(near, WANTED, 640), seeVideo(far, WANTED, 320)]);
    await setLayers({ spatial: 0 }, room, near);
    await setLayers({ spatial: 1 }, room, far);
    await Promise.all([seeVideo(near, WANTED, 320), seeVideo(far, WANTED, 640)]);
  });

  test('and fewer pictures a second', async () => {
    await setLayers({ temporal: 0 }, room, near);
    await eventually(async () => {
      const pictures = async (of: BrowserParticipant) =>
        (await of.receivedVideo(WANTED))?.framesDecoded ?? 0;
      const before = await Promise.all([pictures(near), pictures(far)]);
      await seeVideo(far, WANTED);
      const after = await Promise.all([pictures(near), pictures(far)]);
      const [fewer, all] = [after[0] - before[0], after[1] - before[1]];
      return fewer > 0 && fewer < all * 0.75 ? undefined : `${fewer} pictures of ${all}`;
    });
  });
});

/** Waits for half a second of sound after the given packets. */
async function soundGoesOn(packetsBefore: number): Promise<void> {
  await eventually(async () => {
    const packets = ((await viewer.receivedAudio(WANTED))?.packets ?? 0) - packetsBefore;
    return packets >= 25 ? undefined : `${packets} packets of sound`;
  });
}
