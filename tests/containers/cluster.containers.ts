import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@sluice/testing';
import { launchChromium } from '@sluice/testing/browser';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Call } from '../faults/call.js';
import { Caller } from '../faults/caller.js';
import { makeBrowserPrompt } from '../faults/prompt-browser.js';
import { REPOSITORY_ROOT } from '../cluster-under-test.js';
import { DialectPages, playbackOf } from '../dialect-pages.js';
import { RtspCamera } from '../rtsp-camera.js';
import { ContainerCluster } from './container-cluster.js';

const PREFIX = '/sluice';
const BACK_MS = 40_000;
const ATTEMPTS = 3;
/** Examples of docs/examples that publish, with their function's name. */
const PUBLISHERS = [
  ['pion-sfu', 'join'],
  ['sfu-to-sfu', 'publish'],
  ['umbrella', 'join'],
  ['whip', 'publish'],
] as const;

let folder: string | undefined;
let cluster: ContainerCluster | undefined;
let browser: Browser | undefined;
let pages: DialectPages | undefined;
let rooms = 0;
const present: Caller[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-containers-'));
  cluster = await ContainerCluster.start(certificateIn(folder));
  browser = await launchChromium();
  pages = await DialectPages.open({ ignoreHTTPSErrors: true });
});
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await cluster?.saveLogs(task.name);
  await Promise.all(present.splice(0).map((caller) => caller.close()));
});
afterAll(async () => {
  await Promise.all([browser?.close(), pages?.close()]);
  await cluster?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true });
});

/** Certificate and key in one file, as haproxy wants them, readable by its user. */
function certificateIn(directory: string): string {
  const [key, certificate, both] = ['key.pem', 'certificate.pem', 'tls.pem'].map((name) =>
    join(directory, name),
  ) as [string, string, string];
  const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2';
  const names = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const out = ['-keyout', key, '-out', certificate];
  execFileSync('openssl', [...request.split(' '), ...names, ...out], { stdio: 'ignore' });
  writeFileSync(both, readFileSync(certificate, 'utf8') + readFileSync(key, 'utf8'));
  chmodSync(directory, 0o755);
  chmodSync(both, 0o644);
  return both;
}

/** Two who call each other over the load balancer, each on another node. */
async function openCallAcrossNodes(base = cluster!.origin): Promise<Call> {
  for (let attempt = 1; ; attempt += 1) {
    const call = await openCall(base);
    const nodes = new Set(await call.nodes());
    // A directory that has just been cut off may not have heard of the first when it places the second.
    if (nodes.size === 2 || attempt === ATTEMPTS) {
      expect(nodes.size).toBe(2);
      return call;
    }
    await call.close();
  }
}

/** The same, wherever they are placed. */
async function openCall(base = cluster!.origin): Promise<Call> {
  rooms += 1;
  const room = `containers-${rooms}`;
  const callers: Caller[] = [];
  for (const name of ['alice', 'ben']) {
    const token = await cluster!.token(name, room);
    const link = `${base}/#${new URLSearchParams({ token, room }).toString()}`;
    const caller = await Caller.join(browser!, { link, name, camera: name === 'alice' });
    callers.push(caller);
    present.push(caller);
    // One after the other, so that the second is placed with the first in view.
    await eventually(
      async () => ((await caller.node()) === '' ? `${name} has no node` : undefined),
      BACK_MS,
    );
  }
  makeBrowserPrompt();
  const call = new Call(room, callers, {
    streams: () => cluster!.report.streams(room),
    relays: () => cluster!.report.relays(room),
  });
  await call.plays();
  return call;
}

test('two on different nodes see and hear each other, over the ports that are published', async () => {
  const call = await openCallAcrossNodes();
  const ports = await Promise.all(call.callers.map((caller) => caller.serverPorts()));
  const published = (await call.nodes()).map((node) => [cluster!.mediaPortOf(node)]);
  expect(ports.map((used) => [...new Set(used)])).toEqual(published);
  await call.isListedAsItIs();
});

describe('under a path, behind a proxy that terminates TLS', () => {
  let url = '';
  beforeAll(async () => {
    url = `https://127.0.0.1:${await cluster!.add('tls')}${PREFIX}`;
  });

  test('the same', async () => {
    await (await openCallAcrossNodes(url)).isListedAsItIs();
  });

  test.each(PUBLISHERS)('%s finds its way', async (dialect, action) => {
    const room = `${dialect} under a path`;
    // Chromium looks at certificates of preflights, whatever it was told.
    const base = dialect === 'whip' ? `${cluster!.origin}${PREFIX}` : url;
    const token = await cluster!.token('ann', room);
    const page = await pages!.publish(dialect, action, {
      url: base,
      token,
      room,
      participant: 'ann',
    });
    const isListed = async (there: boolean) => {
      const streams = await cluster!.report.streams(room);
      return streams.length > 0 === there ? undefined : `${streams.length} streams`;
    };
    await eventually(() => isListed(true), BACK_MS);
    if (dialect === 'whip') {
      // Its session is where the gateway said that it is: under the path.
      const ending = page.waitForRequest((request) => request.method() === 'DELETE');
      const status = await page.evaluate(async () => (await window.published.stop()).status);
      expect(status).toBe(200);
      expect(new URL((await ending).url()).pathname).toMatch(/^\/sluice\/whip-sessions\//);
      await eventually(() => isListed(false), BACK_MS);
    }
    await page.close();
  });
});

test('a camera is pulled by the ffmpeg of the image, and seen', async () => {
  const camera = await RtspCamera.start({ address: cluster!.hostAddress, audio: 'pcma' });
  const room = 'camera';
  const token = await cluster!.token('ann', room, { ingest: true });
  const ingests = `${cluster!.origin}/api/v1/ingests`;
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
  try {
    const body = JSON.stringify({ id: 'door', url: camera.url, room, participant: 'door' });
    expect((await fetch(ingests, { method: 'POST', headers, body })).status).toBe(201);
    await eventually(async () => {
      const [stream] = await cluster!.report.streams(room);
      if (stream) return undefined;
      return `not pulled: ${await (await fetch(ingests, { headers })).text()}`;
    }, BACK_MS);
    const place = { url: cluster!.origin, token, room, participant: 'door' };
    const page = await pages!.play('whep', 'play', place);
    await eventually(async () => {
      const { framesDecoded, audioEnergy } = await playbackOf(page);
      return framesDecoded > 10 && audioEnergy > 0 ? undefined : `${framesDecoded} frames`;
    }, BACK_MS);
    await page.close();
    expect((await fetch(`${ingests}/door`, { method: 'DELETE', headers })).status).toBe(204);
  } finally {
    await camera.kill();
  }
});

test('a media node that is killed: its callers are served by another one', async () => {
  const call = await openCallAcrossNodes();
  const [node] = await call.nodes();
  await cluster!.kill(node!);
  try {
    await isLeft(call, node!);
    await call.isListedAsItIs();
  } finally {
    await cluster!.revive(node!);
  }
  await cluster!.isWhole();
});

test('a media node that is paused: its callers do not wait for it', async () => {
  const call = await openCallAcrossNodes();
  const [node] = await call.nodes();
  await cluster!.pause(node!);
  try {
    await isLeft(call, node!);
  } finally {
    await cluster!.unpause(node!);
  }
  await cluster!.isWhole();
  await call.plays();
  await call.isListedAsItIs();
});

test('a media node that is cut off from the network, and comes back to it', async () => {
  const call = await openCallAcrossNodes();
  const [node] = await call.nodes();
  await cluster!.disconnect(node!);
  try {
    await isLeft(call, node!);
  } finally {
    await cluster!.connect(node!);
  }
  await cluster!.isWhole();
  await call.plays();
  await call.isListedAsItIs();
});

test('a gateway that is cut off: its clients go on over the other one, and nobody leaves', async () => {
  const call = await openCallAcrossNodes();
  await call.beginGaps();
  await cluster!.disconnect('gateway-1');
  try {
    await call.plays();
    await everybodyIsBack(call);
  } finally {
    await cluster!.connect('gateway-1');
  }
  expect(await call.departuresSeen()).toBe(0);
});

test('a NATS server that is cut off: calls go on, and new streams are taken', async () => {
  const call = await openCallAcrossNodes();
  await cluster!.disconnect('nats-1');
  try {
    await call.plays();
    // Directories that hear late of sessions may place both on one node.
    const others = await openCall();
    await others.isListedAsItIs();
  } finally {
    await cluster!.connect('nats-1');
  }
  await call.plays();
});

test('every service restarted, one after the other, under a call: no session is lost', async () => {
  const call = await openCallAcrossNodes();
  const order = ['nats-', 'stream-directory-', 'gateway-', 'load-balancer', 'media-'];
  for (const name of order.flatMap((prefix) => cluster!.names(prefix))) {
    await cluster!.restart(name);
    await everybodyIsBack(call);
    await cluster!.isWhole();
    await call.plays();
  }
  await call.isListedAsItIs();
  expect(await call.departuresSeen()).toBe(0);
}, 240_000);

test('what `helm test` runs finds the cluster in order', () => {
  const script = join(REPOSITORY_ROOT, 'helm', 'sluice', 'files', 'cluster-test.mjs');
  const env = {
    ...process.env,
    GATEWAY: new URL(cluster!.origin).host,
    SLUICE_TOKEN_SECRET: cluster!.tokenSecret,
  };
  const said = execFileSync(process.execPath, [script], { env, encoding: 'utf8' });
  expect(said).toMatch(/^3 of 3 media nodes serve\na room opened on media-\d\nok\n$/);
});

test('a first administrator is made by whoever may enter a gateway', async () => {
  const token = (await cluster!.run('gateway-1', ['node', '/app/administrator-token.mjs'])).trim();
  const response = await fetch(`${cluster!.origin}/api/v1/tokens`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ subject: 'ada', room: 'demo' }),
  });
  expect(response.status).toBe(200);
});

test('images say what they are of, and their programs may nothing', async () => {
  for (const [name, within, library] of [
    ['gateway-1', 'express', 'tini'],
    ['stream-directory-1', '@nats-io/kv', 'tini'],
    ['media-1', 'mediasoup', 'libstdc++6'],
  ] as const) {
    const { Config, HostConfig } = await cluster!.inspect(name);
    expect({ name, user: Config.User }).toEqual({ name, user: '10001:10001' });
    expect(HostConfig).toMatchObject({ ReadonlyRootfs: true, CapDrop: ['ALL'] });
    expect(Config.Labels['org.opencontainers.image.revision']).toMatch(/^[0-9a-f]{40}$/);
    const listed = await listedIn(name, '/app/sbom.cdx.json');
    expect(listed).toContain(within);
    expect(listed).not.toContain('vitest');
    expect(await listedIn(name, '/app/debian-sbom.cdx.json')).toContain(library);
  }
});

/** What a bill of materials names. */
async function listedIn(container: string, file: string): Promise<readonly string[]> {
  const { components } = JSON.parse(await cluster!.fileOf(container, file)) as {
    readonly components: readonly { readonly name: string; readonly group?: string }[];
  };
  return components.map(({ group, name }) => [group, name].filter(Boolean).join('/'));
}

test('the engine finds every service healthy', async () => {
  const ours = ['stream-directory-', 'gateway-', 'media-'].flatMap((prefix) =>
    cluster!.names(prefix),
  );
  expect(ours).toHaveLength(7);
  for (const name of ours) {
    await eventually(async () => {
      const health = await cluster!.healthOf(name);
      return health === 'healthy' ? undefined : `${name} is ${health}`;
    }, BACK_MS);
  }
});

/** Waits until nobody of the call is on that node any more, and all hear each other. */
async function isLeft(call: Call, node: string): Promise<void> {
  await eventually(async () => {
    const nodes = await call.nodes();
    return nodes.includes(node) ? `they are on ${nodes.join(', ')}` : undefined;
  }, BACK_MS);
  await call.plays();
}

async function everybodyIsBack(call: Call): Promise<void> {
  await eventually(async () => {
    const shown = await Promise.all(call.callers.map((caller) => caller.shown()));
    const away = shown.filter(({ status }) => status !== 'joined').length;
    return away === 0 ? undefined : `${away} are not back`;
  }, BACK_MS);
}
