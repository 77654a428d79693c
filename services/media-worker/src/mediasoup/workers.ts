import {
  Resource,
  type Clock,
  type CloseReason,
  type ResourceEvents,
  type Timer,
} from '@sluice/core';
import type { CoreBeacon, HomeRouter, HomeRouters } from '../domain/routers/home-router.js';
import type { Log } from '../domain/ports.js';
import { Core, type ClientListen } from './core.js';
import { CpuShares } from './cpu-shares.js';
import { logEngine } from './engine-log.js';
import { nextRestart } from './restart-policy.js';
import { WorkerPulse } from './worker-pulse.js';

export interface WorkersOptions {
  /** How many, one per core of the machine. */
  readonly cores: number;
  readonly listen: ClientListen;
  /** The worker's executable; mediasoup's own default when undefined. */
  readonly workerBin?: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

export interface WorkersEvents extends ResourceEvents {
  /** A worker was started in the place of one that died. */
  opened: [router: HomeRouter];
  /** A worker died, and its router with all on it. */
  died: [router: HomeRouter];
}

/** Starts one mediasoup worker per core. The node cannot work if any of them does not start. */
export async function openHomeRouters(options: WorkersOptions): Promise<Workers> {
  logEngine(options.log);
  const indexes = Array.from({ length: options.cores }, (_, index) => index);
  const { listen, workerBin } = options;
  const opening = indexes.map((index) => Core.open({ index, listen, workerBin }));
  const results = await Promise.allSettled(opening);
  const cores = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) {
    for (const core of cores) core.close('not all started');
    throw failed.reason;
  }
  return new Workers(cores, options);
}

/** This node's cores. One whose worker dies comes back, with a new router; see restart-policy.ts. */
export class Workers extends Resource<WorkersEvents> implements HomeRouters {
  readonly #cores = new Map<number, Core>();
  readonly #deathsAtMs = new Map<number, number[]>();
  readonly #restarts = new Set<Timer>();
  readonly #cpuShares: CpuShares;

  constructor(
    cores: readonly Core[],
    private readonly options: WorkersOptions,
  ) {
    super();
    this.#cpuShares = new CpuShares(options.clock);
    for (const core of cores) this.#keep(core);
  }

  get list(): readonly HomeRouter[] {
    return [...this.#cores.values()];
  }

  find(routerId: string): HomeRouter | undefined {
    return this.#working().find((core) => core.routerId === routerId);
  }

  /** Why this node cannot work at all; empty while any core works. */
  notReadyBecause(): readonly string[] {
    return this.#cores.size > 0 ? [] : ['no mediasoup worker runs'];
  }

  /** Process ids by router id, for whoever watches or harms processes. */
  pids(): ReadonlyMap<string, number> {
    return new Map(this.#working().map((core) => [core.routerId, core.pid]));
  }

  /** By router id. */
  beacons(): ReadonlyMap<string, CoreBeacon> {
    return new Map(this.#working().map((core) => [core.routerId, core.beacon]));
  }

  /** Each core's use of its CPU since the last call, 0 to 1, by router id. */
  cpuShares(): Promise<ReadonlyMap<string, number>> {
    return this.#cpuShares.measure(this.#working());
  }

  protected override release(_reason: CloseReason): void {
    for (const timer of this.#restarts) timer.cancel();
  }

  #working(): Core[] {
    return [...this.#cores.values()];
  }

  #keep(core: Core): void {
    const { clock, log } = this.options;
    const { index, pid } = core;
    this.#cores.set(index, core);
    const pulse = new WorkerPulse(core, clock, () => {
      log.error({ core: index, pid }, 'mediasoup worker does not answer and is killed');
    });
    core.onClosed((reason) => {
      pulse.stop();
      this.#cores.delete(core.index);
      if (!this.closed) this.#onDeath(core, reason);
    });
    this.own(core);
  }

  #onDeath(core: Core, reason: CloseReason): void {
    const { clock, log } = this.options;
    const { index, routerId, pid } = core;
    log.error({ core: index, routerId, pid, reason }, 'mediasoup worker died');
    this.emit('died', core);
    this.#scheduleRestart(index, clock.nowMs());
  }

  #scheduleRestart(index: number, nowMs: number): void {
    const { clock, log } = this.options;
    const deathsAtMs = [...(this.#deathsAtMs.get(index) ?? []), nowMs].slice(-8);
    this.#deathsAtMs.set(index, deathsAtMs);
    const { afterMs, quarantined } = nextRestart(deathsAtMs, nowMs);
    if (quarantined) {
      log.error({ core: index, afterMs }, 'mediasoup worker keeps dying and is left alone');
    }
    const timer = clock.after(afterMs, () => {
      this.#restarts.delete(timer);
      void this.#restart(index);
    });
    this.#restarts.add(timer);
  }

  async #restart(index: number): Promise<void> {
    const { listen, workerBin, clock, log } = this.options;
    try {
      const core = await Core.open({ index, listen, workerBin });
      if (this.closed) {
        core.close('stopping');
        return;
      }
      this.#keep(core);
      log.info({ core: index, routerId: core.routerId, pid: core.pid }, 'mediasoup worker is back');
      this.emit('opened', core);
    } catch (error) {
      if (this.closed) return;
      log.error({ core: index, err: error }, 'mediasoup worker cannot be started');
      this.#scheduleRestart(index, clock.nowMs());
    }
  }
}
