import wrtc from '@roamhq/wrtc';
import type { Kind } from '../page/commands.js';
import { RtcClient } from '../page/rtc-client.js';
import { serve, versionOf } from './serve.js';

const WIDTH = 640;
const HEIGHT = 480;
const FRAME_INTERVAL_MS = 50;
const SAMPLE_RATE = 48_000;
const AUDIO_INTERVAL_MS = 10;
const TONE_HZ = 440;

const { RTCAudioSource, RTCVideoSource } = wrtc.nonstandard;

Object.assign(globalThis, {
  RTCPeerConnection: wrtc.RTCPeerConnection,
  RTCRtpSender: wrtc.RTCRtpSender,
});

const client = new RtcClient({
  open: (kind: Kind) => {
    const track = kind === 'audio' ? tone() : picture();
    return Promise.resolve(new wrtc.MediaStream([track]));
  },
  // It decodes what arrives, played or not.
  play: () => undefined,
});

/** A grey that grows lighter, over and over. */
function picture(): MediaStreamTrack {
  const source = new RTCVideoSource();
  const data = new Uint8Array((WIDTH * HEIGHT * 3) / 2).fill(128);
  let frame = 0;
  setInterval(() => {
    frame += 1;
    data.fill(frame % 256, 0, WIDTH * HEIGHT);
    source.onFrame({ width: WIDTH, height: HEIGHT, data });
  }, FRAME_INTERVAL_MS);
  return source.createTrack();
}

function tone(): MediaStreamTrack {
  const source = new RTCAudioSource();
  const count = (SAMPLE_RATE * AUDIO_INTERVAL_MS) / 1000;
  let position = 0;
  setInterval(() => {
    const samples = Int16Array.from(
      { length: count },
      (_, index) => 8000 * Math.sin((2 * Math.PI * TONE_HZ * (position + index)) / SAMPLE_RATE),
    );
    position += count;
    source.onData({ samples, sampleRate: SAMPLE_RATE });
  }, AUDIO_INTERVAL_MS);
  return source.createTrack();
}

await serve(versionOf('@roamhq/wrtc'), (command) => client.run(command));
