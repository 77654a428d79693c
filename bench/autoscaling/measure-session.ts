// What forwarding costs a real node, as it reports itself: prints the figures of session-cost.ts.
// Real clients (ICE, DTLS, SRTP), one node of one worker; the load is read from /metrics.
import { setTimeout as delay } from 'node:timers/promises';
import { startCluster } from '@sluice/local-cluster';
import { LoadProcess } from '../load/load-process.js';

const VIEWERS = [0, 5, 10, 15, 20];
/** About 1.2 Mbit/s: a camera. */
const RATE = { packetsPerSecond: 150, payloadBytes: 1_000 };
const SETTLE_MS = 12_000;
const SAMPLES = 10;

const cluster = await startCluster({ environment: process.env, nodes: 1 });
const admin = cluster.services('node')[0]?.addresses['admin'] ?? '';
const load = new LoadProcess();
try {
  for (const viewers of VIEWERS) {
    const room = `room-${String(viewers)}`;
    const subjects = Array.from(
      { length: viewers },
      (_, index) => `${room}-viewer-${String(index)}`,
    );
    await load.open(room, {
      url: cluster.ws,
      room,
      publisherToken: await cluster.token({ subject: `${room}-publisher` }),
      viewerTokens: await Promise.all(subjects.map((subject) => cluster.token({ subject }))),
      sameNode: true,
    });
    await load.start(room, RATE);
    await delay(SETTLE_MS);
    const sent = await load.count(room);
    const startedMs = performance.now();
    const parts = await sampled();
    const seconds = (performance.now() - startedMs) / 1_000;
    const packetsPerSecond = ((await load.count(room)) - sent) / seconds;
    await load.stop(room);
    console.log(
      JSON.stringify({ viewers, packetsPerSecond: Math.round(packetsPerSecond), ...parts }),
    );
  }
} finally {
  await load.close();
  await cluster.stop();
}

/** Means of the load and of its parts. */
async function sampled(): Promise<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    const text = await (await fetch(`${admin}/metrics`)).text();
    const rows = text.matchAll(/^sluice_media_load_(?:ratio|part_ratio\{part="(\w+)"\}) (\S+)$/gm);
    for (const [, part = 'load', value] of rows) {
      sums[part] = (sums[part] ?? 0) + Number(value) / SAMPLES;
    }
    await delay(1_000);
  }
  return Object.fromEntries(
    Object.entries(sums).map(([part, value]) => [part, Number(value.toPrecision(3))]),
  );
}
