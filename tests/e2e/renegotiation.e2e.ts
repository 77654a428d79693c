import { eventually } from '@sluice/testing';
import { afterEach, expect, test } from 'vitest';
import type { BrowserParticipant } from '../browser/participant.js';
import { seeVideo } from '../browser/playback.js';
import { Scene } from '../scene.js';

const CAMERA = { width: 320, height: 240 };
const SCREEN = { width: 800, height: 600 };
const PUBLISHER = 'publisher';

const scene = Scene.ofThisFile('renegotiation');
afterEach(() => scene.everybodyLeaves());

/** A call that runs: camera and microphone on one node, watched from another. */
async function runningCall(
  room: string,
): Promise<{ publisher: BrowserParticipant; viewer: BrowserParticipant }> {
  const { participant: publisher, node } = await scene.enter(room, PUBLISHER);
  const { participant: viewer, node: far } = await scene.enter(room, 'viewer');
  expect(far).not.toBe(node);
  await publisher.publish({ room, video: CAMERA, audio: true });
  await viewer.subscribe({ room, publisher: PUBLISHER });
  await seeVideo(viewer, { publisher: PUBLISHER }, CAMERA.width);
  return { publisher, viewer };
}

test('a screen share joins a running call as a stream of its own', async () => {
  const room = 'second-purpose';
  const purpose = 'm.screenshare';
  const { publisher, viewer } = await runningCall(room);

  await publisher.publish({ room, purpose, screen: SCREEN });
  await viewer.until('new-publisher', { publisherId: PUBLISHER, purpose });
  await viewer.subscribe({ room, publisher: PUBLISHER, purpose });

  await seeVideo(viewer, { publisher: PUBLISHER, purpose }, SCREEN.width);
  await seeVideo(viewer, { publisher: PUBLISHER }, CAMERA.width);
  expect((await scene.streams(room)).map((stream) => stream.purpose).sort()).toEqual([
    'm.screenshare',
    'm.usermedia',
  ]);

  await publisher.unpublish(room, purpose);
  await viewer.until('publisher-left', { publisherId: PUBLISHER, purpose });
  await seeVideo(viewer, { publisher: PUBLISHER }, CAMERA.width);
});

test('a screen share added to the running PeerConnection reaches viewers by a new offer', async () => {
  const room = 'same-connection';
  const { publisher, viewer } = await runningCall(room);
  const offers = (await viewer.frames('subscribe-offer')).length;

  await publisher.publish({ room, screen: SCREEN });

  await eventually(async () => {
    const received = await viewer.received({ publisher: PUBLISHER });
    const videos = received.filter(
      ({ kind, framesDecoded }) => kind === 'video' && framesDecoded > 10,
    );
    const widths = videos.map(({ frameWidth }) => frameWidth).sort((one, other) => one - other);
    return widths.join() === '320,800' ? undefined : `decoded widths: ${widths.join()}`;
  }, 30_000);
  expect((await viewer.frames('subscribe-offer')).length).toBeGreaterThan(offers);
  expect(await scene.streams(room)).toHaveLength(1);
  expect(await scene.relays(room)).toHaveLength(1);
});
