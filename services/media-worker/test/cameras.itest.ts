import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TargetPolicy } from '@sluice/service-kit';
import { eventually } from '@sluice/testing';
import { afterEach, expect, test } from 'vitest';
import type { Camera, RtpTarget } from '../src/domain/ingests/camera.js';
import { RtspCameras } from '../src/rtsp/rtsp-cameras.js';
import { ScriptedCamera } from './rtsp-camera.fixture.js';

/** Of PCMA: 20 ms of silence. */
const SILENCE = Buffer.alloc(160, 0xd5);
const PAYLOAD_TYPES = { video: 102, audio: 111 } as const;

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

async function opened(url: string, ffmpeg = 'ffmpeg'): Promise<Camera> {
  const policy = new TargetPolicy(['127.0.0.0/8']);
  const camera = await new RtspCameras({ policy, ffmpeg }).open(url);
  open.push(camera);
  return camera;
}

async function scripted(onPlay: (camera: ScriptedCamera) => void): Promise<ScriptedCamera> {
  const camera = await ScriptedCamera.start(onPlay);
  open.push({ close: () => camera.stop() });
  return camera;
}

/** Where tracks go, and the timestamps of what came there. */
async function destinations(): Promise<[RtpTarget[], Record<'video' | 'audio', number[]>]> {
  const received: Record<'video' | 'audio', number[]> = { video: [], audio: [] };
  const targets: RtpTarget[] = [];
  for (const kind of ['video', 'audio'] as const) {
    const [rtp, rtcp] = [await bound(), await bound()];
    rtp.on('message', (packet) => received[kind].push(packet.readUInt32BE(4)));
    const [rtpPort, rtcpPort] = [rtp.address().port, rtcp.address().port];
    const payloadType = PAYLOAD_TYPES[kind];
    targets.push({ kind, ip: '127.0.0.1', rtpPort, rtcpPort, payloadType, ssrc: payloadType });
  }
  return [targets, received];
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  open.push({ close: () => socket.close() });
  return socket;
}

test('a camera whose picture comes seconds after its sound is carried from the first of them', async () => {
  const server = await scripted((camera) => {
    for (let packet = 0; packet < 150; packet += 1) camera.send(1, packet * 160, SILENCE);
  });
  const camera = await opened(server.url);
  const [targets, received] = await destinations();
  await camera.start(targets);
  await soundPackets(received, 50);
  let timestamp = 0;
  const sending = setInterval(() => {
    timestamp += 3_600;
    server.send(0, timestamp, Buffer.from([0x65, 0x88, 0x84, 0, 0x10]));
    server.send(1, 24_000 + timestamp, SILENCE);
  }, 20);
  open.push({ close: () => clearInterval(sending) });
  await eventually(() => (received.video.length > 0 ? undefined : 'no picture came'));
  expect(camera.failure).toBeUndefined();
});

test('a camera whose clock jumps, and says that sound and picture are seconds apart, goes on evenly', async () => {
  const server = await scripted(() => undefined);
  const camera = await opened(server.url);
  const [targets, received] = await destinations();
  await camera.start(targets);
  let ticks = 0;
  const sending = setInterval(() => {
    ticks += 1;
    server.send(0, ticks * 1_800, Buffer.from([0x65, 0x88, 0x84, 0, 0x10]));
    server.send(1, ticks * 160, SILENCE);
    if (ticks === 100) server.report(0, ticks * 1_800, 1_000);
    if (ticks === 120) server.report(1, ticks * 160, 995);
    // As cameras do to all when one more client comes.
    if (ticks === 200) ticks = 0;
  }, 20);
  open.push({ close: () => clearInterval(sending) });
  await soundPackets(received, 350);
  const steps = stepsOf(received.audio);
  expect(steps.filter((step) => step < 480 || step > 9_600)).toEqual([]);
  expect(Math.max(...stepsOf(received.video))).toBeLessThan(90_000);
});

async function soundPackets({ audio }: { audio: readonly number[] }, count: number): Promise<void> {
  await eventually(() => (audio.length > count ? undefined : `${audio.length} packets of sound`));
}

function stepsOf(timestamps: readonly number[]): number[] {
  return timestamps.slice(1).map((timestamp, index) => (timestamp - timestamps[index]!) | 0);
}

test('what ffmpeg says of its end is told', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-camera-'));
  open.push({ close: () => rmSync(folder, { recursive: true }) });
  const ends = join(folder, 'ffmpeg');
  await writeFile(ends, '#!/bin/sh\necho "rtp://10.0.0.1: no more" >&2\nexit 1\n', { mode: 0o700 });
  const server = await scripted(() => undefined);
  const camera = await opened(server.url, ends);
  const [targets] = await destinations();
  await expect(camera.start(targets)).rejects.toThrow('ffmpeg ended: (address) no more');
});
