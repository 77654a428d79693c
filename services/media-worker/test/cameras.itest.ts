import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@sluice/testing';
import { afterEach, expect, test } from 'vitest';
import type { Camera, RtpTarget } from '../src/domain/ingests/camera.js';
import { RtspCameras } from '../src/rtsp/rtsp-cameras.js';
import { TargetPolicy } from '../src/rtsp/target-policy.js';
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

/** Where tracks go, and what came there by kind. */
async function destinations(): Promise<[RtpTarget[], Record<'video' | 'audio', number>]> {
  const received = { video: 0, audio: 0 };
  const targets: RtpTarget[] = [];
  for (const kind of ['video', 'audio'] as const) {
    const [rtp, rtcp] = [await bound(), await bound()];
    rtp.on('message', () => (received[kind] += 1));
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
  await eventually(() => (received.audio > 50 ? undefined : `${received.audio} packets of sound`));
  let timestamp = 0;
  const sending = setInterval(() => {
    timestamp += 3_600;
    server.send(0, timestamp, Buffer.from([0x65, 0x88, 0x84, 0, 0x10]));
    server.send(1, 24_000 + timestamp, SILENCE);
  }, 20);
  open.push({ close: () => clearInterval(sending) });
  await eventually(() => (received.video > 0 ? undefined : 'no picture came'));
  expect(camera.failure).toBeUndefined();
});

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
