export interface Bitrates {
  readonly ingressBps: number;
  readonly egressBps: number;
}

/** The part of a mediasoup transport that is needed here. */
export interface Measured {
  readonly closed: boolean;
  getStats(): Promise<readonly { readonly recvBitrate: number; readonly sendBitrate: number }[]>;
}

/** Calls in which every transport has its turn: asking costs, and load moves slowly. */
const CALLS_PER_ROUND = 4;
const BATCH_MAX = 200;

/** The bitrates of many transports, each asked in its turn. */
export class Traffic {
  readonly #known = new WeakMap<Measured, Bitrates>();
  #next = 0;

  /** Asks some of `transports` anew, beginning where the last call ended. */
  async measure(transports: readonly Measured[]): Promise<void> {
    const start = this.#next % Math.max(1, transports.length);
    const count = Math.min(BATCH_MAX, Math.ceil(transports.length / CALLS_PER_ROUND));
    const batch = [...transports.slice(start), ...transports.slice(0, start)].slice(0, count);
    this.#next = start + batch.length;
    await Promise.all(batch.map((transport) => this.#ask(transport)));
  }

  /** What is known of `transports`, added up. */
  of(transports: readonly Measured[]): Bitrates {
    let ingressBps = 0;
    let egressBps = 0;
    for (const transport of transports) {
      const known = this.#known.get(transport);
      ingressBps += known?.ingressBps ?? 0;
      egressBps += known?.egressBps ?? 0;
    }
    return { ingressBps, egressBps };
  }

  async #ask(transport: Measured): Promise<void> {
    if (transport.closed) return;
    try {
      const [stat] = await transport.getStats();
      if (!stat) return;
      this.#known.set(transport, { ingressBps: stat.recvBitrate, egressBps: stat.sendBitrate });
    } catch {
      // It closed meanwhile, and so carries nothing.
    }
  }
}
