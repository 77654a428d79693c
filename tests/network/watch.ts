import type { BrowserParticipant } from '../browser/participant.js';

const POLL_MS = 50;

/** What somebody saw of a stream's picture for some time. */
export interface Watched {
  readonly pictures: number;
  /** The longest time in which there was no new picture. */
  readonly longestStillMs: number;
  readonly widths: readonly number[];
  readonly packets: number;
  /** Of the packets that were sent, those that came neither at first nor again. */
  readonly lostShare: number;
  /** Of the packets that came, those that came when they were sent again. */
  readonly repairedShare: number;
}

/** Looks on from inside of the page, which has a clock nearer to the picture. */
export function watch(
  viewer: BrowserParticipant,
  publisher: string,
  durationMs: number,
): Promise<Watched> {
  return viewer.page.evaluate(
    async ([of, forMs, everyMs]) => {
      const look = async () => {
        const received = await window.client.received({ publisher: of });
        const video = received.find(({ kind }) => kind === 'video');
        if (!video) throw new Error('no video is received');
        return video;
      };
      const first = await look();
      const [startedAtMs, widths] = [performance.now(), new Set<number>()];
      let [last, newAtMs, longestStillMs] = [first, startedAtMs, 0];
      while (performance.now() - startedAtMs < forMs) {
        await new Promise((resolve) => setTimeout(resolve, everyMs));
        const now = await look();
        const nowMs = performance.now();
        longestStillMs = Math.max(longestStillMs, nowMs - newAtMs);
        if (now.framesDecoded > last.framesDecoded) newAtMs = nowMs;
        widths.add(now.frameWidth);
        last = now;
      }
      const packets = last.packets - first.packets;
      const repaired = last.packetsRepaired - first.packetsRepaired;
      // Chromium counts as lost what did not come under its own sequence number.
      const lost = Math.max(0, last.packetsLost - first.packetsLost - repaired);
      return {
        pictures: last.framesDecoded - first.framesDecoded,
        longestStillMs: Math.round(longestStillMs),
        widths: [...widths],
        packets,
        lostShare: lost / (packets + lost),
        repairedShare: repaired / packets,
      };
    },
    [publisher, durationMs, POLL_MS] as const,
  );
}
