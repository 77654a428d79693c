import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '@sluice/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seeVideo } from '../browser/playback.js';
import { REPOSITORY_ROOT } from '../cluster-under-test.js';
import { dashboardPage, type PanelResults } from '../observability/dashboard-page.js';
import { PrometheusServer } from '../observability/prometheus-server.js';
import { dashboards, filledIn, type Panel } from '../observability/queries.js';
import { Scene } from '../scene.js';

const CAMERA = { width: 320, height: 240 };
const NODES = ['node-1', 'node-2', 'node-3'];
const ROOM = 'watched';
const PUBLISHER = { publisher: 'publisher' };
/** Wide enough for what happens once, such as the first pipe between two nodes. */
const RATE_INTERVAL = '2m';
const ALL_PANELS_MS = 90_000;
/** Rules are evaluated every 15 seconds. */
const RECORDED_MS = 40_000;
const PAGES = join(REPOSITORY_ROOT, 'test-results', 'dashboards');

const scene = Scene.ofThisFile('dashboards', { nodes: NODES.length, directories: 2 });
let prometheus: PrometheusServer;

beforeAll(async () => {
  prometheus = await PrometheusServer.start(scene.cluster.services());
});
afterAll(() => prometheus.stop());

test('every panel has data while people call across nodes, come, go and err', async () => {
  const publisher = await scene.enter(ROOM, 'publisher', 'node-1');
  await publisher.participant.publish({ room: ROOM, video: CAMERA, audio: true });
  for (const node of NODES.slice(1)) {
    const viewer = await scene.enter(ROOM, `viewer-${node}`, node);
    await viewer.participant.subscribe({ room: ROOM, ...PUBLISHER });
    await seeVideo(viewer.participant, PUBLISHER, CAMERA.width);
  }

  await eventually(async () => {
    await somebodyComesAndGoes();
    const empty = await emptyPanels();
    return empty.length === 0 ? undefined : `no data: ${empty.join('; ')}`;
  }, ALL_PANELS_MS);
  await writePages();
});

test('every rule is loaded and evaluates without an error', async () => {
  const rules = await prometheus.rules();
  expect(rules.length).toBeGreaterThan(20);
  expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
});

test('what is recorded is there, and a cluster that is well has no alert that fires', async () => {
  await eventually(async () => {
    const waits = await prometheus.query(
      'namespace_direction:sluice_media_first_media_seconds:p95_5m{direction="subscribing"}',
    );
    const pipes = await prometheus.query('namespace_pod_peer:sluice_media_pipe_lost:ratio_5m');
    if ((waits[0]?.points[0]?.[1] ?? 0) <= 0) return 'nothing is recorded of joins';
    const peers = pipes.map(({ labels }) => labels['peer']);
    return peers.includes('node-1') ? undefined : `pipes are recorded of ${peers.join()}`;
  }, RECORDED_MS);
  expect(await prometheus.query('ALERTS{alertname=~"Sluice.*", alertstate="firing"}')).toEqual([]);
});

/** A viewer with all phases of a join, a stream that is published anew, and a request that fails. */
async function somebodyComesAndGoes(): Promise<void> {
  const { participant } = await scene.enter(ROOM, 'passer-by', 'node-2');
  await participant.publish({ room: ROOM, video: CAMERA });
  await participant.subscribe({ room: ROOM, ...PUBLISHER });
  await seeVideo(participant, PUBLISHER);
  await expect(
    participant.request({ type: 'publish-offer', roomName: ROOM, offer: 'nonsense', purpose: 'x' }),
  ).rejects.toThrow();
  await participant.leave();
}

async function emptyPanels(): Promise<string[]> {
  const panels = dashboards().flatMap(({ file, panels: all }) =>
    all.flatMap((panel) => panel.queries.map((query) => ({ file, panel, query }))),
  );
  const results = await Promise.all(
    panels.map(async ({ file, panel, query }) => {
      const series = await prometheus.query(filledIn(query, RATE_INTERVAL));
      return series.length > 0 ? [] : [`${file}: ${panel.title} (${query.legend})`];
    }),
  );
  return results.flat();
}

/** As pictures, for whoever wants to look: test-results/dashboards. */
async function writePages(): Promise<void> {
  mkdirSync(PAGES, { recursive: true });
  const context = await scene.browsers.browser.newContext();
  const page = await context.newPage();
  for (const dashboard of dashboards()) {
    const results = new Map<Panel, PanelResults>();
    for (const panel of dashboard.panels) {
      const ranges = panel.queries.map((query) =>
        prometheus.queryRange(filledIn(query, RATE_INTERVAL), 60),
      );
      results.set(panel, await Promise.all(ranges));
    }
    const html = dashboardPage(dashboard, (panel) => results.get(panel) ?? []);
    writeFileSync(join(PAGES, `${dashboard.uid}.html`), html);
    await page.setContent(html);
    await page.screenshot({ path: join(PAGES, `${dashboard.uid}.png`), fullPage: true });
  }
  await context.close();
}
