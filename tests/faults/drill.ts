import { cp } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster, ClusterOptions } from '@sluice/local-cluster';
import { eventually } from '@sluice/testing';
import { launchChromium } from '@sluice/testing/browser';
import type { Browser } from 'playwright-core';
import { afterAll, test } from 'vitest';
import {
  REPOSITORY_ROOT,
  reportOf,
  startClusterUnderTest,
  type Node,
} from '../cluster-under-test.js';
import { isRunning, processTree } from '../processes.js';
import { Call } from './call.js';
import { Caller } from './caller.js';
import { LoadBalancer } from './load-balancer.js';
import { PROMISES, type FaultId } from './promises.js';
import { makeBrowserPrompt } from './prompt-browser.js';
import { FaultRecords, type FaultRecord } from './records.js';

/** How often each fault is done. */
export const RUNS = Number(process.env['SLUICE_FAULT_RUNS'] ?? 1);
/** Of one run, with all that may go wrong in it. */
const RUN_TIMEOUT_MS = 150_000;
const HEALTHY_MS = 20_000;
/** How long a call is watched while nothing is done to it, and again after it has recovered. */
const QUIET_MS = 2_000;
const CALLERS = 3;
/** What a machine that is busy with the drill alone may add to a gap, and how many times its quiet one. */
const ROOM_MS = 250;
const ROOM_IN_QUIET_GAPS = 4;
/** From this load for each core on, gaps are the machine's and not those of what is tested. */
const OVERLOADED = 1.5;
const NAMES = ['alice', 'ben', 'cora', 'dora'];

const records = new FaultRecords(join(REPOSITORY_ROOT, 'test-results', 'faults'));

interface Running {
  readonly cluster: Cluster;
  readonly balancer: LoadBalancer;
  /** Every service that is part of it. */
  readonly services: readonly string[];
}

export interface Strike {
  readonly call: Call;
  readonly run: number;
  /** Notes something else that was measured, by a name with its unit. */
  readonly figure: (name: string, value: number) => void;
}

export interface FaultOptions {
  readonly callers?: number;
  /** Why it cannot be done on this machine. */
  readonly obstacle?: string | undefined;
}

/** A cluster behind a load balancer to which faults are done while people call over it. */
export class Drill {
  #running: Running | undefined;
  #browser: Browser | undefined;
  #rooms = 0;
  #options: Promise<Partial<ClusterOptions>> | undefined;
  readonly #worn = new Set<string>();

  private constructor(
    private readonly name: string,
    private readonly prepare: () => Promise<Partial<ClusterOptions>>,
  ) {}

  /** Ends all it has after the tests of the calling file. */
  static ofThisFile(
    name: string,
    options: Partial<ClusterOptions> | (() => Promise<Partial<ClusterOptions>>),
  ): Drill {
    const drill = new Drill(
      name,
      typeof options === 'function' ? options : () => Promise.resolve(options),
    );
    afterAll(() => drill.#stop());
    return drill;
  }

  get cluster(): Cluster {
    if (!this.#running) throw new Error('nothing runs yet');
    return this.#running.cluster;
  }

  /** Of the load balancer. */
  get origin(): string {
    return this.#running?.balancer.origin ?? '';
  }

  get ws(): string {
    return `${this.origin.replace(/^http/, 'ws')}/ws`;
  }

  get api(): string {
    return `${this.origin}/api/v1`;
  }

  async nodes(): Promise<readonly Node[]> {
    return reportOf(this.api).nodes();
  }

  /** A service's process and all that it has started. */
  processesOf(service: string): readonly number[] {
    const found = this.cluster.services().find(({ name }) => name === service);
    if (!found) throw new Error(`${service} does not run`);
    return processTree(found.pid);
  }

  workersOf(node: string): readonly number[] {
    return this.processesOf(node).slice(1);
  }

  /** Sends a signal to every process of a service, and waits for their end where it brings one. */
  async signalAll(service: string, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    const processes = this.processesOf(service);
    for (const pid of processes) process.kill(pid, signal);
    if (signal !== 'SIGKILL') return;
    await this.cluster.kill(service, signal);
    await eventually(() => (processes.some(isRunning) ? `${service} still runs` : undefined));
  }

  /** Has a service started anew before the next run. */
  wearOut(service: string): void {
    this.#worn.add(service);
  }

  /** Brings one more into a room, without a camera. */
  enter(room: string, name: string): Promise<Caller> {
    return this.#join(room, name, false);
  }

  /** Registers a test that does it as often as asked for, each time to another call. */
  fault(
    id: FaultId,
    strike: (strike: Strike) => Promise<void>,
    { callers = CALLERS, obstacle }: FaultOptions = {},
  ): void {
    test(
      PROMISES[id].fault,
      async (context) => {
        context.skip(obstacle !== undefined, obstacle);
        const failures: string[] = [];
        for (let run = 1; run <= RUNS; run += 1) {
          try {
            const ran = () => this.#run(id, run, { strike, callers });
            const record = await ran();
            const judged = RUNS === 1 && brokenPromise(record) !== undefined ? await ran() : record;
            // Of many runs the page that they make is the judge.
            const broken = RUNS === 1 ? brokenPromise(judged) : undefined;
            const failure = judged.failure ?? broken;
            if (failure !== undefined) failures.push(`run ${run}: ${failure}`);
          } catch (error) {
            failures.push(`run ${run}, before the fault: ${String(error)}`);
            await this.#keepLogs(`${id}-${run}`);
            await this.#endCluster();
          }
        }
        if (failures.length > 0) throw new Error(failures.join('\n'));
      },
      Math.max(2, RUNS) * RUN_TIMEOUT_MS,
    );
  }

  async #run(
    id: FaultId,
    run: number,
    { strike, callers }: { strike: (strike: Strike) => Promise<void>; callers: number },
  ): Promise<FaultRecord> {
    await this.#makeWhole();
    const call = await this.#openCall(callers);
    const figures: Record<string, number> = {};
    const worst = (gaps: Readonly<Record<string, number>>) => Math.max(...Object.values(gaps));
    try {
      await call.plays();
      await call.isListedAsItIs();
      await call.beginGaps();
      await delay(QUIET_MS);
      const quietGapMs = worst(await call.gapsMs());
      await call.beginGaps();
      const failure = await messageOf(async () => {
        await strike({ call, run, figure: (name, value) => (figures[name] = value) });
        await delay(QUIET_MS);
        await call.plays();
        await call.isListedAsItIs();
      });
      const gapsMs = await call.gapsMs();
      figures['longest time without a new picture in ms'] = worst(await call.gapsMs('video'));
      const record: FaultRecord = {
        fault: id,
        run,
        gapsMs,
        quietGapMs,
        loadPerCore: (loadavg()[0] ?? 0) / availableParallelism(),
        figures,
        history: await call.history(),
        ...(failure === undefined ? {} : { failure }),
      };
      records.append(record);
      if (failure !== undefined) await this.#keepLogs(`${id}-${run}`);
      const shown = Object.entries({ ...gapsMs, quiet: quietGapMs, ...figures }).map(
        ([name, value]) => `${name} ${value.toFixed(0)}`,
      );
      console.log(`${id}, run ${run}, longest gaps in ms: ${shown.join(', ')} ${failure ?? ''}`);
      return record;
    } finally {
      await call.close();
    }
  }

  async #openCall(callers: number): Promise<Call> {
    const room = `drill-${(this.#rooms += 1)}`;
    const joined: Caller[] = [];
    for (const name of NAMES.slice(0, callers)) {
      joined.push(await this.#join(room, name, joined.length === 0));
    }
    makeBrowserPrompt();
    const report = reportOf(this.api);
    return new Call(room, joined, {
      streams: () => report.streams(room),
      relays: () => report.relays(room),
    });
  }

  async #join(room: string, name: string, camera: boolean): Promise<Caller> {
    this.#browser ??= await launchChromium();
    const token = await this.cluster.token({ subject: name, room });
    const fragment = new URLSearchParams({ token, room });
    const link = `${this.origin}/#${fragment.toString()}`;
    const caller = await Caller.join(this.#browser, { link, name, camera });
    // One after the other, so that each is placed with the ones before in view.
    await eventually(async () => {
      const shown = await caller.shown();
      return (shown.node ?? '') === '' ? `no node: ${JSON.stringify(shown)}` : undefined;
    }, 20_000);
    return caller;
  }

  #prepared(): Promise<Partial<ClusterOptions>> {
    return (this.#options ??= this.prepare());
  }

  /** Starts what a run before has ended; all anew where that does not help. */
  async #makeWhole(): Promise<void> {
    if (this.#running) {
      const failure = await messageOf(() => this.#mend(this.#running));
      if (failure === undefined) return;
      console.log(`starting all anew: ${failure}`);
      await this.#endCluster();
    }
    const cluster = await startClusterUnderTest(`faults-${this.name}`, {
      gateways: 2,
      directories: 2,
      nodes: 3,
      ...(await this.#prepared()),
    });
    try {
      const gateways = cluster.services('gateway').map(({ addresses }) => addresses['http'] ?? '');
      const balancer = await LoadBalancer.start(gateways.map((url) => new URL(url).host));
      const services = cluster.services().map(({ name }) => name);
      this.#running = { cluster, balancer, services };
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    await this.#mend(this.#running);
  }

  async #mend(running: Running | undefined): Promise<void> {
    const alive = running?.cluster.services().map(({ name }) => name);
    for (const name of running?.services ?? []) {
      if (!alive?.includes(name) || this.#worn.has(name)) await running?.cluster.restart(name);
    }
    this.#worn.clear();
    const expected = running?.services.filter((name) => name.startsWith('node-')).length;
    await eventually(async () => {
      const serving = (await this.nodes()).filter(({ state }) => state === 'serving');
      return serving.length === expected ? undefined : `${serving.length} nodes serve`;
    }, HEALTHY_MS);
  }

  /** The next cluster of this file writes its logs where this one's are. */
  async #keepLogs(name: string): Promise<void> {
    if (this.#running === undefined) return;
    const kept = join(REPOSITORY_ROOT, 'test-results', 'faults', 'logs', name);
    await cp(this.cluster.logFolder, kept, { recursive: true });
  }

  async #endCluster(): Promise<void> {
    await this.#running?.balancer.stop();
    await this.#running?.cluster.stop();
    this.#running = undefined;
  }

  async #stop(): Promise<void> {
    await this.#browser?.close();
    await this.#endCluster();
  }
}

/** Whether a run, done once and on whatever machine, shows a gap that was promised not to be. */
function brokenPromise({ fault, gapsMs, quietGapMs, loadPerCore }: FaultRecord) {
  const roomMs = Math.max(ROOM_MS, ROOM_IN_QUIET_GAPS * quietGapMs);
  const allowedMs = PROMISES[fault].gapMs + roomMs;
  const gapMs = Math.max(0, ...Object.values(gapsMs));
  if (gapMs <= allowedMs || loadPerCore > OVERLOADED) return undefined;
  return `${gapMs.toFixed()} ms without sound, where ${PROMISES[fault].gapMs} ms are promised`;
}

async function messageOf(work: () => Promise<void>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
