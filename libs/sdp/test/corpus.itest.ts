import { readFileSync, readdirSync } from 'node:fs';
import type { Router, Worker } from 'mediasoup/types';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Peer, MEDIA_CODECS, startWorker } from './peer.js';

const CORPUS = new URL('corpus/', import.meta.url);

/** MIME type and mediasoup's kind of producer for each track of an offer, in order. */
const TRACKS: Readonly<Record<string, readonly string[]>> = {
  'aiortc-camera': ['audio/opus simple', 'video/VP8 simple'],
  'aiortc-data': [],
  'aiortc-h264': ['audio/opus simple', 'video/H264 simple'],
  'aiortc-shape': ['audio/opus simple', 'video/VP8 simple'],
  'chromium-all': ['audio/opus simple', 'video/VP8 simple'],
  'chromium-av1': ['video/AV1 simple'],
  'chromium-camera': ['audio/opus simple', 'video/VP8 simple'],
  'chromium-data': [],
  'chromium-h264': ['video/H264 simple'],
  'chromium-max-bundle': ['audio/opus simple', 'video/VP8 simple'],
  'chromium-recvonly': [],
  'chromium-simulcast-rid': ['audio/opus simple', 'video/VP8 simulcast'],
  'chromium-vp9-simulcast-rid': ['video/VP8 simulcast'],
  'chromium-vp9-svc': ['video/VP9 simple'],
  'ffmpeg-whip-shape': ['audio/opus simple', 'video/H264 simple'],
  'firefox-camera': ['audio/opus simple', 'video/VP8 simple'],
  'firefox-data': [],
  'firefox-shape-simulcast-rid': ['audio/opus simple', 'video/VP8 simulcast'],
  'firefox-simulcast': ['video/VP8 simulcast'],
  'gstreamer-camera': ['audio/opus simple', 'video/VP8 simple'],
  'gstreamer-data': [],
  'gstreamer-h264': ['audio/opus simple', 'video/H264 simple'],
  'gstreamer-webrtcbin-shape': ['video/VP8 simple', 'audio/opus simple'],
  'legacy-simulcast-ssrc-group': ['video/VP8 simulcast'],
  'libdatachannel-camera': ['audio/opus simple', 'video/VP8 simple'],
  'libdatachannel-data': [],
  'libdatachannel-h264': ['audio/opus simple', 'video/H264 simple'],
  'libdatachannel-shape': ['audio/opus simple', 'video/H264 simple'],
  'pion-shape-recvonly': [],
  'werift-camera': ['audio/opus simple', 'video/VP8 simple'],
  'werift-data': [],
  'werift-h264': ['audio/opus simple', 'video/H264 simple'],
  'wrtc-camera': ['audio/opus simple', 'video/VP8 simple'],
  'wrtc-data': [],
  'wrtc-simulcast': ['video/VP8 simulcast'],
};

let worker: Worker;
let router: Router;

beforeAll(async () => {
  worker = await startWorker();
  router = await worker.createRouter({ mediaCodecs: MEDIA_CODECS });
});

afterAll(() => worker.close());

describe('the offers of the corpus', () => {
  it('are all expected here', () => {
    const names = readdirSync(CORPUS).map((file) => file.replace('.sdp', ''));
    expect(names.sort()).toEqual(Object.keys(TRACKS).sort());
  });

  it.each(
    Object.keys(TRACKS).flatMap((name) => [false, true].map((bothWays) => ({ name, bothWays }))),
  )('are produced by a real worker: $name, both ways $bothWays', async ({ name, bothWays }) => {
    const peer = await Peer.open(router, { sctp: true, bothWays });
    await peer.answer(readFileSync(new URL(`${name}.sdp`, CORPUS), 'utf8'));
    const producers = [...peer.producers.values()].map(
      (producer) => `${producer.rtpParameters.codecs[0]?.mimeType ?? ''} ${producer.type}`,
    );
    expect(producers).toEqual(TRACKS[name]);
    peer.transport.close();
  });

  it('of VP9 with a group of SSRCs is the older form of SVC', async () => {
    const sdp = readFileSync(new URL('legacy-simulcast-ssrc-group.sdp', CORPUS), 'utf8');
    const peer = await Peer.open(router);
    await peer.answer(sdp.replace('SAVPF 96 97 98 99', 'SAVPF 98 99 96 97'));
    const [producer] = peer.producers.values();
    expect(producer?.type).toBe('svc');
    expect(producer?.rtpParameters.encodings?.[0]?.scalabilityMode).toBe('L3T3_KEY');
  });
});
