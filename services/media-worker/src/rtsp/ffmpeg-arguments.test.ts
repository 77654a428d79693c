import { expect, test } from 'vitest';
import type { CameraTrack } from '../domain/ingests/camera-description.js';
import { ffmpegArguments } from './ffmpeg-arguments.js';

const track = (kind: CameraTrack['kind'], encoding: string): CameraTrack => ({
  kind,
  encoding,
  payloadType: 96,
  formatParameters: undefined,
  control: '',
  profileLevelId: undefined,
});
const target = (kind: CameraTrack['kind']) =>
  ({
    kind,
    ip: '127.0.0.1',
    rtpPort: 1,
    rtcpPort: 2,
    payloadType: 102,
    ssrc: 2_000_000_000,
  }) as const;

test('video is copied with its parameter sets, audio becomes Opus', () => {
  const tracks = [track('video', 'H264/90000'), track('audio', 'PCMA/8000/1')];
  const text = ffmpegArguments('rtsp://in', tracks, [target('video'), target('audio')]).join(' ');
  expect(text).toContain('-i rtsp://in -map 0:v:0 -c:v copy -bsf:v dump_extra=freq=keyframe');
  expect(text).toContain('-map 0:a:0 -c:a libopus');
  expect(text).toContain('-ssrc 2000000000 -f rtp rtp://127.0.0.1:1?rtcpport=2&pkt_size=1200');
});

test('Opus stays as it is', () => {
  const args = ffmpegArguments('rtsp://in', [track('audio', 'opus/48000/2')], [target('audio')]);
  expect(args.join(' ')).toContain('-map 0:a:0 -c:a copy');
});
