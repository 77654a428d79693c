import { join } from 'node:path';
import { eventually } from '@sluice/testing';
import { beforeAll, expect, test } from 'vitest';
import { ConsolePage } from '../browser/console-page.js';
import { REPOSITORY_ROOT } from '../cluster-under-test.js';
import { Scene } from '../scene.js';

const ROOM = 'living-room';
const CAMERA = 'm.usermedia';
const SCREEN = 'm.screenshare';
const CHAT = 'chat';
const PICTURES = join(REPOSITORY_ROOT, 'test-results', 'console');
const FRAMES_TO_SEE = 15;
const TIMEOUT_MS = 45_000;

const scene = Scene.ofThisFile('console');
let ann: ConsolePage;
let ben: ConsolePage;

// The same link in two browsers, as `make run` prints it.
beforeAll(async () => {
  const token = await scene.cluster.token({ subject: 'admin', host: true, admin: true });
  const fragment = new URLSearchParams({ token, room: ROOM });
  const link = `${scene.cluster.origin}/#${fragment.toString()}`;
  ann = await ConsolePage.join(scene.browsers.browser, link, 'Ann');
  await eventually(async () => ((await ann.shown()).node ? undefined : 'Ann has not joined'));
  ben = await ConsolePage.join(scene.browsers.browser, link, 'Ben');
  await eventually(async () => ((await ben.shown()).node ? undefined : 'Ben has not joined'));
});

async function seen(by: ConsolePage, purpose: string): Promise<void> {
  const before = (await by.remoteTile(purpose))?.framesDecoded ?? 0;
  await eventually(async () => {
    const tile = await by.remoteTile(purpose);
    if (!tile) return `there is no tile of a ${purpose}`;
    const frames = tile.framesDecoded - before;
    return frames >= FRAMES_TO_SEE ? undefined : `${frames} frames were decoded`;
  }, TIMEOUT_MS);
}

test('two people who open the same link are two participants on two nodes', async () => {
  const [first, second] = [await ann.shown(), await ben.shown()];
  expect(first.self?.id).not.toBe(second.self?.id);
  expect(new Set([first.node, second.node])).toEqual(new Set(['node-1', 'node-2']));
});

test('each sees the other’s camera in its right size, and hears the other', async () => {
  for (const [by, other] of [
    [ann, ben],
    [ben, ann],
  ] as const) {
    await seen(by, CAMERA);
    await eventually(async () => {
      // Read each time: the browser captures smaller pictures while the machine is busy.
      const camera = await other.cameraSize();
      const { width = 0, height = 0 } = (await by.remoteTile(CAMERA)) ?? {};
      // Some layer of the camera's picture: full, half or quarter size.
      const scale = camera.width / width;
      const right =
        camera.width > 0 &&
        [1, 2, 4].includes(scale) &&
        Math.abs(camera.height / scale - height) < 1;
      return right ? undefined : `${width}x${height} of ${camera.width}x${camera.height}`;
    }, TIMEOUT_MS);
    const before = (await by.remoteTile(CAMERA))?.totalAudioEnergy ?? 0;
    await eventually(async () => {
      const energy = (await by.remoteTile(CAMERA))?.totalAudioEnergy ?? 0;
      return energy > before ? undefined : `audio energy stays ${energy}`;
    }, TIMEOUT_MS);
  }
});

test('the page and the API agree on the relays between them', async () => {
  const [first, second] = [(await ann.shown()).node, (await ben.shown()).node];
  await eventually(async () => {
    const paths = [(await ann.remoteTile(CAMERA))?.path, (await ben.remoteTile(CAMERA))?.path];
    const wanted = [
      [second, first],
      [first, second],
    ];
    return JSON.stringify(paths) === JSON.stringify(wanted) ? undefined : JSON.stringify(paths);
  });
  const relays = await scene.relays(ROOM);
  expect(relays.map(({ fromNode, toNode }) => `${fromNode} ${toNode}`).sort()).toEqual([
    'node-1 node-2',
    'node-2 node-1',
  ]);
});

test('what one writes in the chat the other reads, over data channels', async () => {
  await Promise.all([ann.openChat(), ben.openChat()]);
  await eventually(async () => {
    const chats = (await scene.streams(ROOM)).filter(({ purpose }) => purpose === CHAT);
    const tracks = chats.flatMap((stream) => stream.tracks.map(({ kind }) => kind));
    return tracks.join() === 'data,data' ? undefined : `the tracks are ${tracks.join()}`;
  });
  for (const [by, other, text] of [
    [ann, ben, 'Can you see me?'],
    [ben, ann, 'Yes: <b>very</b> well ✓'],
  ] as const) {
    await eventually(async () => {
      // Others need a moment to subscribe to a channel that is new.
      await by.write(text);
      const heard = (await other.lines()).some((line) => line.endsWith(text));
      return heard ? undefined : `the other reads ${JSON.stringify(await other.lines())}`;
    });
  }
  await ann.page.screenshot({ path: join(PICTURES, 'chat.png') });
});

test('a shared screen appears beside the camera, and goes when its sharer leaves', async () => {
  await ann.shareScreen();
  await seen(ben, SCREEN);
  await seen(ben, CAMERA);

  await ann.leave();
  await eventually(async () => {
    const others = (await ben.shown()).tiles.filter((tile) => !tile.own);
    return others.length === 0 ? undefined : `${others.length} tiles are left`;
  });
  await eventually(async () => {
    const streams = (await scene.streams(ROOM)).filter(({ purpose }) => purpose !== CHAT);
    return streams.length === 1 ? undefined : `${streams.length} streams`;
  });
});

test('cameras are added, seen with what is wrong with them, and removed, by who may', async () => {
  const { page } = ben;
  await page.getByTestId('streams').click();
  const panel = page.getByTestId('cameras');
  await panel.getByLabel('Name of a new camera').fill('door');
  await panel.getByLabel('Its address, with its password').fill('rtsp://ada:s3cret@127.0.0.1:9/');
  await panel.getByTestId('add-camera').click();
  const row = page.getByTestId('camera-door');
  await row.getByText('its address is not in a network that may be pulled from').waitFor();
  expect(await row.innerText()).toMatch(/^door\s+Failed\s+rtsp:\/\/127\.0\.0\.1:9\s/);
  expect(await page.content()).not.toContain('s3cret');
  await row.getByRole('button', { name: 'Remove door' }).click();
  await row.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Close' }).click();

  const token = await scene.cluster.token({ subject: 'guest', room: ROOM });
  const fragment = new URLSearchParams({ token }).toString();
  const context = await scene.browsers.browser.newContext();
  const guest = await context.newPage();
  await guest.goto(`${scene.cluster.origin}/#${fragment}`);
  await guest.getByTestId('join').click();
  await guest.getByTestId('streams').click();
  await guest.getByTestId('drawer').waitFor();
  expect(await guest.getByTestId('cameras').count()).toBe(0);
  await context.close();
});

test('nothing went wrong in either page meanwhile', () => {
  expect([...ann.errors, ...ben.errors]).toEqual([]);
});
