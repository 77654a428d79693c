import { readFileSync } from 'node:fs';
import { parse } from 'sdp-transform';
import { expect, it } from 'vitest';
import { publish } from './example.js';
import { MEDIA_CODECS, startWorker } from './peer.js';

const here = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');

it('the README’s example is test/example.ts, in twenty lines', () => {
  const [, example = ''] = /```ts\n([\s\S]*?)```/.exec(here('../README.md')) ?? [];
  expect(example).toBe(here('example.ts'));
  expect(example.trim().split('\n').length).toBeLessThanOrEqual(20);
});

it('the README’s example publishes what Chromium offers', async () => {
  const worker = await startWorker();
  try {
    const router = await worker.createRouter({ mediaCodecs: MEDIA_CODECS });
    const webRtcServer = await worker.createWebRtcServer({
      listenInfos: [{ protocol: 'udp', ip: '127.0.0.1' }],
    });
    const offer = here('corpus/chromium-camera.sdp');
    const { producers, answer } = await publish(router, webRtcServer, offer);
    expect(producers.map(({ kind }) => kind)).toEqual(['audio', 'video']);
    const directions = parse(answer).media.map(({ direction }) => direction);
    expect(directions).toEqual(['recvonly', 'recvonly']);
  } finally {
    worker.close();
  }
});
