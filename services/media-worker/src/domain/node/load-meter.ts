import type { Clock, Timer } from '@sluice/core';
import type { HomeRouters } from '../routers/home-router.js';
import {
  loadOf,
  loadPartsOf,
  smoothed,
  type Capacity,
  type LoadParts,
  type NodeLoad,
  type Usage,
} from './load.js';
import type { MediaNode } from './media-node.js';
import { Traffic, type Bitrates, type Measured } from '../traffic.js';

export interface LoadMeterOptions {
  readonly node: MediaNode;
  readonly routers: HomeRouters;
  /** Each core's use of its CPU since the last call, by router id. */
  readonly cpuShares: () => Promise<ReadonlyMap<string, number>>;
  /** Transports by which this router exchanges streams with others. */
  readonly pipeTransports: (routerId: string) => readonly Measured[];
  readonly capacity: Capacity;
  readonly clock: Clock;
}

const INTERVAL_MS = 1_000;

/** Measures, once a second, how loaded this node and its cores are. */
export class LoadMeter {
  readonly #traffic = new Traffic();
  readonly #timer: Timer;
  #measuredAtMs: number;
  #measuring = false;
  #load: NodeLoad = { node: 0, routers: new Map() };
  #bitrates: Bitrates = { ingressBps: 0, egressBps: 0 };
  #parts: LoadParts = { cpu: 0, egress: 0, ingress: 0, consumers: 0 };

  constructor(private readonly options: LoadMeterOptions) {
    this.#measuredAtMs = options.clock.nowMs();
    this.#timer = options.clock.every(INTERVAL_MS, () => void this.measure());
  }

  /** Smoothed. */
  get load(): NodeLoad {
    return this.#load;
  }

  get bitrates(): Bitrates {
    return this.#bitrates;
  }

  get parts(): LoadParts {
    return this.#parts;
  }

  stop(): void {
    this.#timer.cancel();
  }

  async measure(): Promise<void> {
    if (this.#measuring) return;
    this.#measuring = true;
    try {
      await this.#measure();
    } finally {
      this.#measuring = false;
    }
  }

  async #measure(): Promise<void> {
    const { routers, cpuShares, capacity, clock } = this.options;
    const byRouter = this.#transportsByRouter();
    const everything = [...byRouter.values()].flat();
    const [shares] = await Promise.all([cpuShares(), this.#traffic.measure(everything)]);
    const consumers = this.#consumersByRouter();
    const usages = routers.list.map(({ routerId }): [string, Usage] => [
      routerId,
      {
        cpuShare: shares.get(routerId) ?? 0,
        ...this.#traffic.of(byRouter.get(routerId) ?? []),
        consumers: consumers.get(routerId) ?? 0,
      },
    ]);
    const nowMs = clock.nowMs();
    const elapsedMs = nowMs - this.#measuredAtMs;
    this.#measuredAtMs = nowMs;
    this.#bitrates = this.#traffic.of(everything);
    this.#parts = loadPartsOf(new Map(usages), capacity);
    this.#load = smoothedLoad(this.#load, loadOf(new Map(usages), capacity), elapsedMs);
  }

  #transportsByRouter(): Map<string, Measured[]> {
    const { node, routers, pipeTransports } = this.options;
    const byRouter = new Map<string, Measured[]>(
      routers.list.map(({ routerId }) => [routerId, [...pipeTransports(routerId)]]),
    );
    for (const session of node.sessions) {
      byRouter.get(session.home.routerId)?.push(...session.transports);
    }
    return byRouter;
  }

  #consumersByRouter(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { home, subscriptions } of this.options.node.sessions) {
      counts.set(home.routerId, (counts.get(home.routerId) ?? 0) + subscriptions.tracks);
    }
    return counts;
  }
}

function smoothedLoad(before: NodeLoad, now: NodeLoad, elapsedMs: number): NodeLoad {
  return {
    node: smoothed(before.node, now.node, elapsedMs),
    routers: new Map(
      [...now.routers].map(([id, load]) => [
        id,
        smoothed(before.routers.get(id) ?? 0, load, elapsedMs),
      ]),
    ),
  };
}
