import type { Receiving } from './receiving.js';
import { receivedCounters } from './stats.js';
import type { StreamKey } from './stream-key.js';

const POLL_MS = 100;
/** What has not moved for so long on the former PeerConnection is not waited for on the next. */
const STILL_MS = 1_000;

interface Progress {
  readonly frames: number;
  readonly packets: number;
  readonly frameAtMs: number;
  readonly packetAtMs: number;
}

/**
 * Watches two PeerConnections that carry the same streams, and finds out which streams the next one
 * can show without a gap: those whose first frame it has decoded.
 */
export class Takeover {
  readonly #ready = new Set<StreamKey>();
  readonly #former = new Map<StreamKey, Progress>();
  readonly #timer: ReturnType<typeof setInterval>;
  #polling = false;

  constructor(
    private readonly former: Receiving,
    private readonly next: Receiving,
    private readonly onReady: () => void,
  ) {
    this.#timer = setInterval(() => void this.#poll(), POLL_MS);
  }

  get begun(): boolean {
    return this.#ready.size > 0;
  }

  isReady(key: StreamKey): boolean {
    return this.#ready.has(key) || !this.former.has(key);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #poll(): Promise<void> {
    if (this.#polling || this.next.connection.connectionState !== 'connected') return;
    this.#polling = true;
    const [before, now]: [ReadonlyMap<string, unknown>, ReadonlyMap<string, unknown>] =
      await Promise.all([
        this.former.connection.getStats(),
        this.next.connection.getStats(),
      ]).finally(() => {
        this.#polling = false;
      });
    const ready = this.next.keys.filter(
      (key) => !this.#ready.has(key) && this.#canShow(key, before, now),
    );
    for (const key of ready) this.#ready.add(key);
    if (ready.length > 0) this.onReady();
  }

  #canShow(
    key: StreamKey,
    before: ReadonlyMap<string, unknown>,
    now: ReadonlyMap<string, unknown>,
  ): boolean {
    const next = receivedCounters(now, this.next.midsOf(key));
    if (next.framesDecoded > 0) return true;
    const atMs = performance.now();
    const { frameAtMs, packetAtMs } = this.#progressOf(key, before, atMs);
    if (atMs - frameAtMs < STILL_MS) return false;
    return next.packets > 0 || atMs - packetAtMs >= STILL_MS;
  }

  #progressOf(key: StreamKey, report: ReadonlyMap<string, unknown>, atMs: number): Progress {
    const { framesDecoded: frames, packets } = receivedCounters(report, this.former.midsOf(key));
    const last = this.#former.get(key) ?? { frames: -1, packets: -1, frameAtMs: 0, packetAtMs: 0 };
    const progress = {
      frames,
      packets,
      frameAtMs: frames > last.frames ? atMs : last.frameAtMs,
      packetAtMs: packets > last.packets ? atMs : last.packetAtMs,
    };
    this.#former.set(key, progress);
    return progress;
  }
}
