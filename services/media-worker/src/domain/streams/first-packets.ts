import type { Producer } from 'mediasoup/types';
import type { Clock } from '@sluice/core';

/** A source that is mute sends nothing; nobody waits longer for it. */
const FIRST_PACKET_MS = 1_000;
/**
 * Whoever begins to receive asks for a keyframe, and publishers are asked once in 320 ms. So those who
 * need not hurry let the requests of their like pass, and the first of them has its keyframe at once.
 */
const KEY_FRAME_REST_MS = 650;

/**
 * Resolves when all of `producers` have had packets for a moment, or will have none for now: then
 * they can take over from others without a gap.
 */
export async function steadyFlow(clock: Clock, producers: readonly Producer[]): Promise<void> {
  await Promise.all(producers.map((producer) => firstPacket(clock, producer)));
  await new Promise<void>((resolve) => clock.after(KEY_FRAME_REST_MS, resolve));
}

function firstPacket(clock: Clock, producer: Producer): Promise<void> {
  // The first packet of a stream gives it its first score.
  if (producer.closed || producer.paused || producer.score.length > 0) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const over = () => resolve(undefined);
  const timer = clock.after(FIRST_PACKET_MS, over);
  const { observer } = producer;
  observer.once('score', over);
  observer.once('pause', over);
  observer.once('close', over);
  return promise.finally(() => {
    timer.cancel();
    observer.off('score', over);
    observer.off('pause', over);
    observer.off('close', over);
  });
}
