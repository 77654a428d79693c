import type { RouterRtpCodecCapability } from 'mediasoup/types';
import type { HomeRouter } from './home-router.js';

/**
 * Runs `task` while the router numbers codecs as `mediaCodecs` say. mediasoup reads a router's codecs
 * when a call begins, before it first awaits anything, and the worker never hears of them: so nobody
 * else sees these numbers, and what `task` began goes on with them.
 */
export function numberedAs<T>(
  { router, mediaCodecs: own }: HomeRouter,
  mediaCodecs: readonly RouterRtpCodecCapability[],
  task: () => T,
): T {
  try {
    router.updateMediaCodecs([...mediaCodecs]);
    return task();
  } finally {
    router.updateMediaCodecs([...own]);
  }
}
