import type { Router, WebRtcTransport } from 'mediasoup/types';
import type { Clock } from '@sluice/core';

/*
 * mediasoup 3.27 numbers the packets by which it probes links for all transports of a worker
 * together, and begins anew at a random number with each transport that begins to send pictures. To a
 * transport that has sent probes before, the new numbers are old ones in half of the cases; then its
 * SRTP sends none of them, and to the bandwidth estimation they are lost.
 */

/** What a transport has sent up to a moment. */
export interface SentReading {
  readonly atMs: number;
  /** Made, whether they left or not. */
  readonly probeBytes: number;
  /** On the wire, but for media: probes, RTCP, what SRTP adds, answers to connectivity checks. */
  readonly otherBytes: number;
}

/** Of the readings before and after: long enough for a few clusters of probes. */
const WINDOW_MS = 250;
const LEFT_SHARE = 0.5;

/**
 * Whether most of the probes that were made between `start` and `end` left, seen against how much else
 * went on the wire before. True where there were none.
 */
export function probesLeft(before: SentReading, start: SentReading, end: SentReading): boolean {
  const madeBytes = end.probeBytes - start.probeBytes;
  if (madeBytes <= 0) return true;
  const usualBytesPerMs =
    (start.otherBytes - before.otherBytes) / Math.max(1, start.atMs - before.atMs);
  const usualBytes = usualBytesPerMs * (end.atMs - start.atMs);
  return end.otherBytes - start.otherBytes - usualBytes >= madeBytes * LEFT_SHARE;
}

/** Has a transport make probes, and says whether they left. */
export async function doProbesLeave(
  transport: WebRtcTransport,
  clock: Clock,
  probe: () => Promise<void>,
): Promise<boolean> {
  const before = await readSent(transport, clock);
  await pause(clock);
  const start = await readSent(transport, clock);
  await probe();
  await pause(clock);
  return probesLeft(before, start, await readSent(transport, clock));
}

/** However many viewers have narrow links: new numbers are new for all of them. */
const RENUMBER_INTERVAL_MS = 1_000;

const renumberedAtMs = new WeakMap<Router, number>();

/** Draws other numbers for the probes of all transports of a router’s worker, unless that was just done. */
export async function renumberProbes(
  router: Router,
  clock: Clock,
  videoProducerId: string,
): Promise<void> {
  const nowMs = clock.nowMs();
  if (nowMs - (renumberedAtMs.get(router) ?? -Infinity) < RENUMBER_INTERVAL_MS) return;
  renumberedAtMs.set(router, nowMs);
  const direct = await router.createDirectTransport();
  try {
    const { rtpCapabilities } = router;
    await direct.consume({ producerId: videoProducerId, rtpCapabilities, paused: true });
  } finally {
    direct.close();
  }
}

async function readSent(transport: WebRtcTransport, clock: Clock): Promise<SentReading> {
  const [stat] = await transport.getStats();
  const { bytesSent = 0, rtpBytesSent = 0, rtxBytesSent = 0, probationBytesSent = 0 } = stat ?? {};
  const otherBytes = bytesSent - rtpBytesSent - rtxBytesSent;
  return { atMs: clock.nowMs(), probeBytes: probationBytesSent, otherBytes };
}

function pause(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.after(WINDOW_MS, resolve));
}
