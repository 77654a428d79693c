import type { Router, TransportTraceEventData, WebRtcTransport } from 'mediasoup/types';
import type { Clock } from '@sluice/core';
import { doProbesLeave, renumberProbes } from './probe-numbers.js';

/** Some three kilobytes each time: little for a link that has no room for more. */
const PROBE_INTERVAL_MS = 1_900;
/** Of mediasoup's own limit, which is 1.35 times of what is wanted, or more. */
const OTHER_LIMIT = 0.8;
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

/** Who is shown a picture of that producer. */
interface Viewer {
  readonly videoProducerId: string;
}

/**
 * Finds out whether a client's link has become wider, while somebody misses something by it. Left to
 * itself mediasoup does so only where it sends much less than it could; an estimate that has settled at
 * one and a half times of what a small picture takes is above that, and stays there for ever.
 */
export class LinkProbes {
  readonly #missing = new Set<Viewer>();
  #probedAtMs: number;
  #limited = false;

  constructor(
    private readonly router: Router,
    private readonly transport: WebRtcTransport,
    private readonly clock: Clock,
  ) {
    this.#probedAtMs = clock.nowMs();
    transport.on('trace', (trace) => this.#onTrace(trace));
  }

  /** `viewer` is shown less than it wants. */
  wanted(viewer: Viewer): void {
    const first = this.#missing.size === 0;
    this.#missing.add(viewer);
    if (first) void this.#trace(true);
  }

  /** No longer. */
  satisfied(viewer: Viewer): void {
    if (!this.#missing.delete(viewer) || this.#missing.size > 0) return;
    void this.#trace(false);
    if (this.#limited) void this.#limit(0);
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
    if (bweType === 'transport-cc' && short) void this.#probe(maxBitrate);
  }

  /**
   * mediasoup probes, twice, when the limit of what it may send becomes another one. Either limit is
   * above all that is wanted.
   */
  async #probe(maxBps: number): Promise<void> {
    const nowMs = this.clock.nowMs();
    if (nowMs - this.#probedAtMs < PROBE_INTERVAL_MS) return;
    this.#probedAtMs = nowMs;
    const change = async () => {
      if (this.#missing.size === 0) return;
      await this.#limit(this.#limited ? 0 : Math.round(maxBps * OTHER_LIMIT));
    };
    try {
      const left = await doProbesLeave(this.transport, this.clock, change);
      const [viewer] = this.#missing;
      if (!left && viewer) await renumberProbes(this.router, this.clock, viewer.videoProducerId);
    } catch {
      // The transport or the producer closed meanwhile.
    }
  }

  /** @param bps 0 for none but mediasoup's own. */
  async #limit(bps: number): Promise<void> {
    this.#limited = bps > 0;
    if (this.transport.closed) return;
    try {
      await this.transport.setMaxOutgoingBitrate(bps);
    } catch {
      // It closed meanwhile.
    }
  }
}
