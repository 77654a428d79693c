import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '@sluice/testing';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { PageState, TileState } from '../src/app/page-state.js';
import { FakeCluster } from './fake-cluster.fixture.js';
import type { Bot } from './media-page.fixture.js';

const ALICE: Bot = {
  id: 'alice b.',
  name: 'Alice Moreau',
  purpose: 'm.usermedia',
  path: ['node-1', 'node-2'],
  hue: 190,
  audio: true,
};
const SCREEN: Bot = { ...ALICE, purpose: 'm.screenshare', audio: false };
const JONAS: Bot = { ...ALICE, id: 42, name: '<b>Jonas</b> & co', path: ['node-2'], hue: 30 };

let folder: string;
let browser: Browser;
const stops: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-console-'));
  const root = fileURLToPath(new URL('..', import.meta.url));
  await build({ root, logLevel: 'warn', build: { outDir: folder, emptyOutDir: true } });
  browser = await chromium.launch({
    executablePath: process.env['SLUICE_CHROMIUM'] ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--disable-background-networking',
      '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream',
      '--autoplay-policy=no-user-gesture-required',
    ],
  });
});

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

afterAll(async () => {
  await browser.close();
  await rm(folder, { recursive: true });
});

interface Visit {
  readonly cluster: FakeCluster;
  readonly page: Page;
  readonly complaints: readonly string[];
  readonly requested: readonly string[];
  readonly state: () => Promise<PageState>;
  readonly tile: (bot: Bot) => Promise<TileState>;
}

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const tokenOf = (claims: object) => [part({ alg: 'HS256' }), part(claims), 'signature'].join('.');
const ADMIN = tokenOf({ sub: 'operator', admin: true, room: '*' });

async function open(bots: readonly Bot[], options: BrowserContextOptions = {}): Promise<Visit> {
  const cluster = await FakeCluster.start(browser, folder, bots);
  stops.push(() => cluster.stop());
  const context = await browser.newContext({
    permissions: ['camera', 'microphone'],
    viewport: { width: 1280, height: 800 },
    ...options,
  });
  stops.push(() => context.close());
  await cluster.serve(context);
  const page = await context.newPage();
  const complaints: string[] = [];
  const requested: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('request', (request) => requested.push(request.url()));
  const state = () => page.evaluate<PageState>('sluiceConsole.state()');
  const tile = async ({ id, purpose }: Bot) => {
    const { tiles } = await state();
    const found = tiles.find((one) => one.publisherId === String(id) && one.purpose === purpose);
    if (!found) throw new Error(`no tile of ${String(id)}`);
    return found;
  };
  return { cluster, page, complaints, requested, state, tile };
}

async function enter(visit: Visit, token = ADMIN): Promise<void> {
  const { page, cluster } = visit;
  await page.goto(`${cluster.url}#token=${token}&room=${cluster.room}&name=Robin`);
  await page.getByTestId('join').click();
  await page.getByTestId('room-page').waitFor();
}

/** Waits until a bot's picture has advanced by some frames from now on. */
async function plays({ tile }: Visit, bot: Bot, frames = 10): Promise<void> {
  let from: number | undefined;
  await eventually(async () => {
    const { framesDecoded } = await tile(bot);
    from ??= framesDecoded;
    return framesDecoded >= from + frames ? undefined : `${String(framesDecoded)} frames`;
  }, 20_000);
}

const sessionOf = (sdp: unknown) => /^o=\S+ (\S+)/m.exec(String(sdp))?.[1];

async function offers(visit: Visit, count: number, purpose = 'm.usermedia'): Promise<string[]> {
  const all = () =>
    visit.cluster.said('publish-offer').filter((message) => message['purpose'] === purpose);
  await eventually(() => (all().length >= count ? undefined : `${String(all().length)} offers`));
  return all().map(({ offer }) => String(offer));
}

test('a link leads into the room: others are seen and heard, each with its way through the nodes', async () => {
  const visit = await open([ALICE, JONAS]);
  await enter(visit);
  const { cluster, page, state, tile } = visit;

  expect(page.url()).toBe(cluster.url);
  expect(cluster.pageServer.tokensWished).toEqual([
    expect.objectContaining({ name: 'Robin', room: cluster.room, publish: true, subscribe: true }),
  ]);
  await plays(visit, ALICE);
  await plays(visit, JONAS);
  const alice = await tile(ALICE);
  expect(alice).toMatchObject({ width: 640, height: 360, path: ['node-1', 'node-2'] });
  expect(alice.codecs).toContain('VP8');
  expect(alice.bitrateBps).toBeGreaterThan(0);
  await eventually(async () => ((await tile(ALICE)).totalAudioEnergy > 0 ? undefined : 'silence'));
  expect((await tile(JONAS)).path).toEqual(['node-2']);
  expect(await state()).toMatchObject({ page: 'room', status: 'joined', node: 'node-2' });
  // A name is text, whatever it looks like.
  await page.getByText('<b>Jonas</b> & co').first().waitFor();
});

test('the page asks nobody else for anything and keeps to a strict content security policy', async () => {
  const visit = await open([ALICE, SCREEN]);
  await enter(visit);
  await plays(visit, SCREEN);
  await visit.page.getByRole('button', { name: 'Details of Alice Moreau, screen' }).click();
  await visit.page.getByTestId('route').waitFor();

  const foreign = visit.requested.filter((url) => !url.startsWith(visit.cluster.url));
  expect(foreign).toEqual([]);
  expect(visit.requested.length).toBeGreaterThan(2);
  expect(visit.complaints).toEqual([]);
});

test('the camera is sent in three simulcast layers, and turning it off and on renegotiates', async () => {
  const visit = await open([]);
  await enter(visit);
  const [first] = await offers(visit, 1);
  const simulcast = /^a=simulcast:send (\S+)/m.exec(first ?? '')?.[1];
  expect(simulcast?.split(';')).toEqual(['q', 'h', 'f']);
  expect(first).toMatch(/^a=fmtp:\d+ .*usedtx=1/m);
  expect(first).toMatch(/^m=video \d+ \S+ (\d+)[^]*^a=rtpmap:\1 VP8\//m);

  const camera = visit.page.getByTestId('toggle-camera');
  await camera.click();
  const [, off] = await offers(visit, 2);
  expect(off).toMatch(/^m=video 0 /m);
  await camera.click();
  const [, , on] = await offers(visit, 3);
  expect(on).toMatch(/^m=video [1-9]/m);
  expect(on?.match(/^m=/gm)).toHaveLength(2);
  expect(on).toContain('a=simulcast:send q;h;f');
  expect(new Set([first, off, on].map(sessionOf)).size).toBe(1);
});

test('pictures are sent in layers of VP9 where that is chosen, and the server is told', async () => {
  const visit = await open([]);
  const { page, cluster } = visit;
  await page.goto(`${cluster.url}#token=${ADMIN}&room=${cluster.room}&name=Robin`);
  await page.getByTestId('codec').selectOption('VP9');
  await page.getByTestId('join').click();
  const [offer] = await offers(visit, 1);
  expect(offer).toMatch(/^m=video \d+ \S+ (\d+)[^]*^a=rtpmap:\1 VP9\//m);
  expect(offer).not.toContain('a=simulcast');
  const mid = /^m=video [^]*?^a=mid:(\S+)/m.exec(offer ?? '')?.[1] ?? '';
  const [told] = cluster.said('publish-offer');
  expect(told?.['scalabilityModes']).toEqual({ [mid]: 'L3T3_KEY' });
});

test('muting needs no negotiation', async () => {
  const visit = await open([]);
  await enter(visit);
  await offers(visit, 1);
  const microphone = visit.page.getByTestId('toggle-microphone');
  await microphone.click();
  const ownTile = async () => (await visit.state()).tiles.find(({ own }) => own);
  expect((await ownTile())?.hasAudio).toBe(false);
  await microphone.click();
  expect((await ownTile())?.hasAudio).toBe(true);
  expect(await offers(visit, 1)).toHaveLength(1);
});

test('a shared screen is a stream of its own, on its own connection, until sharing ends', async () => {
  const visit = await open([]);
  await enter(visit);
  const [camera] = await offers(visit, 1);
  const share = visit.page.getByTestId('share-screen');
  await share.click();
  const [screen] = await offers(visit, 1, 'm.screenshare');
  expect(sessionOf(screen)).not.toBe(sessionOf(camera));
  await eventually(async () => {
    const purposes = (await visit.state()).tiles.map(({ purpose }) => purpose);
    return purposes.includes('m.screenshare') ? undefined : purposes.join();
  });

  await share.click();
  await eventually(() =>
    visit.cluster.said('unpublish').some(({ purpose }) => purpose === 'm.screenshare')
      ? undefined
      : 'still published',
  );
});

test('streams come and go', async () => {
  const visit = await open([ALICE]);
  await enter(visit);
  await plays(visit, ALICE);
  visit.cluster.arrive(JONAS);
  await plays(visit, JONAS);
  visit.cluster.depart(ALICE);
  // She is still there, and sends nothing.
  await eventually(async () => ((await visit.tile(ALICE)).hasVideo ? 'still shown' : undefined));
  visit.cluster.tell({ type: 'user-left', userId: ALICE.id });
  await eventually(async () => {
    const ids = (await visit.state()).tiles.map(({ publisherId }) => publisherId);
    return ids.includes(String(ALICE.id)) ? ids.join() : undefined;
  });
  await plays(visit, JONAS);
});

test('a stream that cannot be had just now is asked for again', async () => {
  const visit = await open([ALICE]);
  visit.cluster.refusals.set('subscribe-request', { code: 'NOT_FOUND', message: 'not yet' });
  await enter(visit);
  const asked = () => visit.cluster.said('subscribe-request').length;
  await eventually(() => (asked() > 1 ? undefined : 'asked once'));
  visit.cluster.refusals.clear();
  await plays(visit, ALICE);
});

test('what could not be published is published as soon as it can be', async () => {
  const visit = await open([]);
  visit.cluster.refusals.set('publish-offer', { code: 'UNAVAILABLE', message: 'not now' });
  await enter(visit);
  await visit.page.getByText('You cannot be seen or heard: not now').waitFor();
  visit.cluster.refusals.clear();
  const sends = async () =>
    (await visit.state()).tiles.some((tile) => tile.own && tile.bitrateBps > 0);
  await eventually(async () => ((await sends()) ? undefined : 'nothing is sent'), 20_000);
});

test('a lost socket is resumed without touching the media', async () => {
  const visit = await open([ALICE]);
  await enter(visit);
  await plays(visit, ALICE);
  await offers(visit, 1);

  await visit.cluster.cut();
  await eventually(async () =>
    (await visit.state()).status === 'reconnecting' ? undefined : 'joined',
  );
  await plays(visit, ALICE);
  visit.cluster.restore();
  await eventually(async () => ((await visit.state()).status === 'joined' ? undefined : 'not yet'));
  await plays(visit, ALICE);

  expect(visit.cluster.said('resume').length).toBeGreaterThan(0);
  expect(visit.cluster.said('auth')).toHaveLength(1);
  expect(visit.cluster.said('subscribe-request')).toHaveLength(1);
  expect(visit.cluster.said('publish-offer')).toHaveLength(1);
});

test('a session that cannot be resumed is begun anew, with all streams sent and received again', async () => {
  const visit = await open([ALICE]);
  await enter(visit);
  await plays(visit, ALICE);
  await offers(visit, 1);

  visit.cluster.refusals.set('resume', { code: 'UNAUTHENTICATED', message: 'expired' });
  await visit.cluster.cut();
  visit.cluster.restore();
  const [before, after] = await offers(visit, 2);
  expect(sessionOf(after)).not.toBe(sessionOf(before));
  expect(visit.cluster.said('auth')).toHaveLength(2);
  expect(visit.cluster.said('subscribe-request')).toHaveLength(2);
  await plays(visit, ALICE);
});

test('asked to move, the page goes on showing everybody and is on another node then', async () => {
  const visit = await open([ALICE, SCREEN]);
  await enter(visit);
  await plays(visit, ALICE);
  const [before] = await offers(visit, 1);

  visit.cluster.move('node-3');
  const [, after] = await offers(visit, 2);
  expect(sessionOf(after)).not.toBe(sessionOf(before));
  await eventually(async () => {
    const { path } = await visit.tile(SCREEN);
    return path.at(-1) === 'node-3' ? undefined : path.join();
  });
  await plays(visit, ALICE);
  await visit.cluster.endFormerMedia();
  await plays(visit, ALICE);
  await plays(visit, SCREEN);
  expect((await visit.state()).node).toBe('node-3');
  await eventually(() => (visit.cluster.said('moved').length === 1 ? undefined : 'not said'));
});

test('a second move during the first is followed, and only the last is reported as done', async () => {
  const visit = await open([ALICE]);
  await enter(visit);
  await plays(visit, ALICE);
  await offers(visit, 1);
  // The first cannot end before the second comes.
  visit.cluster.refusals.set('subscribe-request', { code: 'UNAVAILABLE', message: 'not now' });
  const asked = visit.cluster.said('subscribe-request').length;
  visit.cluster.move('node-3');
  await eventually(() =>
    visit.cluster.said('subscribe-request').length > asked ? undefined : 'not asked for again',
  );
  visit.cluster.refusals.delete('subscribe-request');
  visit.cluster.move('node-4');
  await eventually(() => (visit.cluster.said('moved').length > 0 ? undefined : 'not said'), 20_000);
  await visit.cluster.endFormerMedia();
  await plays(visit, ALICE);
  await eventually(async () => {
    const { node } = await visit.state();
    return node === 'node-4' ? undefined : String(node);
  });
  expect(visit.cluster.said('moved')).toHaveLength(1);
});

test('a chosen quality is asked for', async () => {
  const visit = await open([ALICE]);
  await enter(visit);
  await plays(visit, ALICE);
  await visit.page.getByRole('button', { name: 'Details of Alice Moreau, camera' }).click();
  await visit.page.getByRole('radio', { name: 'Low' }).check();
  await eventually(() => {
    const last = visit.cluster.said('set-layers').at(-1);
    return last?.['publisherId'] === ALICE.id && last['spatial'] === 0 ? undefined : 'not asked';
  });
  expect((await visit.tile(ALICE)).quality).toBe('low');
});

test('who speaks is marked', async () => {
  const quiet = { ...ALICE, audio: false };
  const visit = await open([quiet]);
  await enter(visit);
  await plays(visit, quiet);
  const speaking = visit.page.locator('[data-testid=tile].speaking');
  expect(await speaking.count()).toBe(0);
  visit.cluster.tell({ type: 'active-speakers', speakers: [{ userId: quiet.id, volume: -20 }] });
  await speaking.waitFor();
});

test('somebody without a camera and a microphone can join and watch', async () => {
  const visit = await open([ALICE], { permissions: [] });
  await visit.page.addInitScript(() => {
    navigator.mediaDevices.getUserMedia = () =>
      Promise.reject(new DOMException('refused', 'NotAllowedError'));
  });
  await visit.page.goto(
    `${visit.cluster.url}#token=${ADMIN}&room=${visit.cluster.room}&name=Robin`,
  );
  await visit.page.getByText('does not allow this page to use your camera').waitFor();
  await visit.page.getByTestId('join').click();
  await plays(visit, ALICE);
  expect(visit.cluster.said('publish-offer')).toEqual([]);
});

test('a token that is not accepted is explained, and another can be tried', async () => {
  const visit = await open([ALICE]);
  const { page, cluster } = visit;
  cluster.refusals.set('auth', {
    code: 'UNAUTHENTICATED',
    message: 'Authentication failed: token expired',
  });
  await page.goto(`${cluster.url}#token=${tokenOf({ sub: 'a', room: cluster.room })}`);
  await page.getByTestId('join').click();
  await page.getByText('The token is not accepted: token expired.').waitFor();
  expect((await visit.state()).page).toBe('join');

  cluster.refusals.clear();
  await page.getByTestId('join').click();
  await plays(visit, ALICE);
});

test('leaving says goodbye and leads back to the form', async () => {
  const visit = await open([ALICE]);
  await enter(visit);
  await plays(visit, ALICE);
  await visit.page.getByTestId('leave').click();
  await visit.page.getByTestId('join').waitFor();
  expect(visit.cluster.said('leave-room')).toHaveLength(1);
});

test('everything fits on a phone', async () => {
  const visit = await open([ALICE, SCREEN, JONAS], {
    viewport: { width: 360, height: 640 },
    isMobile: true,
    hasTouch: true,
  });
  await enter(visit);
  await plays(visit, SCREEN);
  const overflowing = () =>
    visit.page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
  expect(await overflowing()).toBe(false);
  await visit.page.getByTestId('streams').click();
  await visit.page.getByTestId('drawer').waitFor();
  expect(await overflowing()).toBe(false);
  for (const id of ['toggle-microphone', 'toggle-camera', 'leave']) {
    const box = await visit.page.getByTestId(id).boundingBox();
    expect(box?.width).toBeGreaterThanOrEqual(44);
    expect(box?.height).toBeGreaterThanOrEqual(44);
  }
});
