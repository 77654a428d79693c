import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Cluster } from '@sluice/local-cluster';
import { eventually } from '@sluice/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { reportOf, startClusterUnderTest } from '../cluster-under-test.js';
import { DialectPages, playbackOf } from '../dialect-pages.js';
import { routableAddress } from './stage.js';

const PROGRAMS = fileURLToPath(new URL('programs', import.meta.url));
const PLAYBACK_TIMEOUT_MS = 30_000;
const FRAMES_TO_SEE = 20;

let cluster: Cluster;
let pages: DialectPages;
const running: ChildProcess[] = [];

beforeAll(async () => {
  const node = { SLUICE_MEDIA_LISTEN_IP: routableAddress() };
  [cluster, pages] = await Promise.all([
    startClusterUnderTest('whip', { overrides: { node } }),
    DialectPages.open(),
  ]);
});

afterAll(async () => {
  await pages.close();
  await cluster.stop();
});

afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }
});

function run(command: string, args: readonly string[]): ChildProcess {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  running.push(child);
  return child;
}

const program = (name: string, args: readonly string[]) =>
  run('/usr/bin/python3', [`${PROGRAMS}/${name}`, ...args]);

/** Each client that publishes, by its command line. */
const PUBLISHERS = {
  'ffmpeg’s whip muxer': (endpoint: string, token: string) =>
    run(process.env['SLUICE_FFMPEG'] ?? 'ffmpeg', [
      ...'-hide_banner -loglevel error -re -f lavfi -i testsrc2=size=640x360:rate=20'.split(' '),
      ...'-f lavfi -i sine=frequency=440 -pix_fmt yuv420p -c:v libx264 -profile:v baseline'.split(
        ' ',
      ),
      ...'-preset ultrafast -tune zerolatency -g 40 -c:a libopus -ar 48000 -ac 2'.split(' '),
      ...['-f', 'whip', '-authorization', token, endpoint],
    ]),
  'GStreamer’s webrtcbin': (endpoint: string, token: string) =>
    program('whip_gstreamer.py', [endpoint, token]),
};

describe.each(Object.entries(PUBLISHERS))('what %s publishes', (name, publish) => {
  const participant = 'encoder';
  const room = `by ${name}`;
  const origin = () => new URL(cluster.api).origin;
  const endpoint = (dialect: string) =>
    `${origin()}/${dialect}/${encodeURIComponent(room)}/${participant}`;

  test('is decoded by aiortc and by a page, one of them on the other node', async () => {
    const report = reportOf(cluster.api);
    publish(endpoint('whip'), await cluster.token({ subject: participant, room }));
    await eventually(async () => {
      const [stream] = await report.streams(room);
      return stream ? undefined : 'not published';
    }, PLAYBACK_TIMEOUT_MS);

    const token = await cluster.token({ subject: 'viewer', room });
    const aiortc = program('whep_aiortc.py', [endpoint('whep'), token]);
    let decoded = { audio: 0, video: 0 };
    createInterface(aiortc.stdout!).on('line', (line) => {
      decoded = JSON.parse(line) as typeof decoded;
    });
    await eventually(
      () =>
        decoded.video >= FRAMES_TO_SEE && decoded.audio > 0 ? undefined : JSON.stringify(decoded),
      PLAYBACK_TIMEOUT_MS,
    );
    const place = { url: origin(), token, room, participant };
    for (const play of ['play', 'playOffered']) {
      const page = await pages.play('whep', play, place);
      await eventually(async () => {
        const { framesDecoded, audioEnergy, failure } = await playbackOf(page);
        if (framesDecoded < FRAMES_TO_SEE) return `${framesDecoded} frames, ${failure ?? ''}`;
        return audioEnergy > 0 ? undefined : 'nothing is heard';
      }, PLAYBACK_TIMEOUT_MS);
    }
    expect(await report.relays(room)).not.toHaveLength(0);
  });
});
