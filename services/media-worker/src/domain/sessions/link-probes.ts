import type { TransportTraceEventData, WebRtcTransport } from 'mediasoup/types';
import type { Clock } from '@sluice/core';

/** Five packets or so each time: little enough for a link that has no room for more. */
const PROBE_INTERVAL_MS = 2_500;
const WHOLE_PROBE_BYTES = 1_000;
/** What is wanted must be more than this many times what the link is believed to carry. */
const SHORTAGE = 1.05;

/** What mediasoup traces of its bandwidth estimation, in bits per second. */
interface Estimate {
  readonly bweType: string;
  /** For the highest layers of everything. */
  readonly desiredBitrate: number;
  readonly availableBitrate: number;
  readonly maxBitrate: number;
}

/**
 * Finds out whether a client's link has become wider, while somebody misses something by it. Left to
 * itself mediasoup does so only where it sends much less than it could; an estimate that has settled at
 * one and a half times of what a small picture takes is above that, and stays there for ever.
 */
export class LinkProbes {
  readonly #missing = new Set<object>();
  /** Of the last probe that was known to be sent, and when. */
  #sentBytes = 0;
  #sentAtMs: number;

  constructor(
    private readonly transport: WebRtcTransport,
    private readonly clock: Clock,
  ) {
    this.#sentAtMs = clock.nowMs();
    transport.on('trace', (trace) => this.#onTrace(trace));
  }

  /** `viewer` is shown less than it wants. */
  wanted(viewer: object): void {
    const first = this.#missing.size === 0;
    this.#missing.add(viewer);
    if (first) void this.#trace(true);
  }

  /** No longer. */
  satisfied(viewer: object): void {
    if (this.#missing.delete(viewer) && this.#missing.size === 0) void this.#trace(false);
  }

  async #trace(enabled: boolean): Promise<void> {
    if (this.transport.closed) return;
    try {
      await this.transport.enableTraceEvent(enabled ? ['bwe'] : []);
    } catch {
      // It closed meanwhile.
    }
  }

  #onTrace({ type, info }: TransportTraceEventData): void {
    if (type !== 'bwe' || this.#missing.size === 0) return;
    const { bweType, desiredBitrate, availableBitrate, maxBitrate } = info as Estimate;
    const short = desiredBitrate > availableBitrate * SHORTAGE && availableBitrate < maxBitrate;
    if (bweType === 'transport-cc' && short) void this.#probe(availableBitrate);
  }

  /** mediasoup probes when it may send more than it could before. */
  async #probe(availableBps: number): Promise<void> {
    try {
      if (await this.#hasJustProbed()) return;
      await Promise.all([
        this.transport.setMaxOutgoingBitrate(availableBps),
        this.transport.setMaxOutgoingBitrate(0),
      ]);
    } catch {
      // It closed meanwhile.
    }
  }

  /** A worker that comes too late for a probe's next packet gives it up, and sends none of it at times. */
  async #hasJustProbed(): Promise<boolean> {
    const [stats] = await this.transport.getStats();
    const sentBytes = stats?.probationBytesSent ?? 0;
    const nowMs = this.clock.nowMs();
    if (sentBytes - this.#sentBytes >= WHOLE_PROBE_BYTES) {
      this.#sentBytes = sentBytes;
      this.#sentAtMs = nowMs;
    }
    return nowMs - this.#sentAtMs < PROBE_INTERVAL_MS;
  }
}
