import { cpuSecondsOf, withDescendants } from '../machine/cpu.js';
import { ForeignLoad, isQuiet } from '../machine/foreign-load.js';
import { allowedCores, pin } from '../machine/pinning.js';
import { median, quantile } from '../report/statistics.js';
import type { System } from '../systems.js';
import { highestRate, type RateSearch } from './highest-rate.js';
import type { Arrivals, Ticket } from './join-orders.js';
import { JoinProcess } from './join-process.js';

export interface JoinPlan {
  readonly rooms: number;
  readonly stepMs: number;
  readonly latencyMaxMs: number;
  readonly first: RateSearch;
  /** More searches, each around what the one before has found. */
  readonly repeats: number;
  readonly evenIfDisturbed: boolean;
  readonly say: (line: string) => void;
}

export interface JoinRate {
  /** Joins a second, of each search. */
  readonly found: readonly number[];
  /** CPU of each part in milliseconds per join, at rates that were sustained if any was. */
  readonly cpuMsPerJoin: Readonly<Record<string, number>>;
}

export interface JoinRates {
  readonly sluice: JoinRate;
  readonly plain: JoinRate;
  readonly pinned: boolean;
}

interface Step {
  readonly perSecond: number;
  readonly sustained: boolean;
  readonly cpuMsPerJoin: Readonly<Record<string, number>>;
}

const WARM_UP_PER_SECOND = 20;
const DISTURBED_STEPS_MAX = 6;

class Disturbed extends Error {}

/** Undefined when something else used the machine meanwhile, each time that it was tried. */
export async function measureJoinRates(
  { sluice, plain }: { readonly sluice: System; readonly plain: System },
  plan: JoinPlan,
): Promise<JoinRates | undefined> {
  const [ours, theirs] = [new Crowd(sluice, plan), new Crowd(plain, plan)];
  try {
    const pinned = [ours, theirs].map((crowd) => crowd.pin()).every(Boolean);
    for (const crowd of [ours, theirs]) await crowd.settle();
    for (let round = 0; round <= plan.repeats; round += 1) {
      for (const crowd of [ours, theirs]) await crowd.search();
    }
    return { sluice: ours.rate(), plain: theirs.rate(), pinned };
  } catch (error) {
    if (error instanceof Disturbed) return undefined;
    throw error;
  } finally {
    await ours.close();
    await theirs.close();
  }
}

/** Who joins one of the systems. */
class Crowd {
  readonly #process = new JoinProcess();
  readonly #found: number[] = [];
  readonly #steps: Step[] = [];
  #people = 0;
  #disturbed = 0;

  constructor(
    private readonly system: System,
    private readonly plan: JoinPlan,
  ) {}

  /** The crowd on one core, the system on all others, where there are several. */
  pin(): boolean {
    const cores = allowedCores();
    const own = cores.at(-1) ?? 0;
    const others = cores.length > 1 ? cores.slice(0, -1) : cores;
    return pin([this.#process.pid], own) && pin(withDescendants(this.system.pids), ...others);
  }

  /** Lets some join who are not counted. */
  async settle(): Promise<void> {
    await this.#arrive(WARM_UP_PER_SECOND);
  }

  async search(): Promise<void> {
    const { first } = this.plan;
    const last = this.#found.at(-1);
    const search =
      last === undefined || last === 0
        ? first
        : { from: last / 1.3, max: first.max, factor: 1.3, halvings: first.halvings };
    this.#found.push(await highestRate((rate) => this.#isSustained(rate), search));
  }

  rate(): JoinRate {
    const highest = Math.max(...this.#found);
    const near = this.#steps.filter((step) => step.sustained && step.perSecond >= highest / 2);
    // Where not even the lowest rate was sustained, its CPU still says what a join costs.
    const steps = near.length > 0 ? near : this.#steps.slice(0, 1);
    const parts = Object.keys(this.system.parts);
    const cpuMsPerJoin = Object.fromEntries(
      parts.map((part) => [part, median(steps.map((step) => step.cpuMsPerJoin[part] ?? 0))]),
    );
    return { found: this.#found, cpuMsPerJoin };
  }

  async close(): Promise<void> {
    await this.#process.close();
  }

  async #isSustained(perSecond: number): Promise<boolean> {
    for (;;) {
      const foreign = new ForeignLoad([process.pid, ...this.system.pids]);
      const step = await this.#step(perSecond);
      if (this.plan.evenIfDisturbed || isQuiet(foreign.soFar())) {
        this.#steps.push(step);
        return step.sustained;
      }
      this.#disturbed += 1;
      if (this.#disturbed > DISTURBED_STEPS_MAX) throw new Disturbed();
    }
  }

  async #step(perSecond: number): Promise<Step> {
    const cpu = () =>
      Object.entries(this.system.parts).map(([part, pids]) => [part, cpuSecondsOf(pids)] as const);
    const before = new Map(cpu());
    const { latenciesMs, failures } = await this.#arrive(perSecond);
    const p99 = quantile(latenciesMs, 0.99);
    const sustained = failures.length === 0 && p99 < this.plan.latencyMaxMs;
    const joins = Math.max(1, latenciesMs.length + this.plan.rooms);
    const cpuMsPerJoin = Object.fromEntries(
      cpu().map(([part, seconds]) => [part, ((seconds - (before.get(part) ?? 0)) * 1e3) / joins]),
    );
    const problem = failures[0] === undefined ? '' : `, ${failures.length} failed: ${failures[0]}`;
    this.plan.say(
      `${this.system.name}: ${perSecond.toFixed(0)} joins a second, half within ${quantile(latenciesMs, 0.5).toFixed(0)} ms, 99 % within ${p99.toFixed(0)} ms${problem}`,
    );
    return { perSecond, sustained, cpuMsPerJoin };
  }

  async #arrive(perSecond: number): Promise<Arrivals> {
    const { url } = this.system;
    const publishers = await this.#tickets(this.plan.rooms);
    const newcomers = await this.#tickets(Math.ceil((perSecond * this.plan.stepMs) / 1_000));
    return this.#process.tell({ url, publishers, perSecond, newcomers });
  }

  /** Rooms are entered in turn, and there is an even number of them: everybody is at home there. */
  async #tickets(count: number): Promise<readonly Ticket[]> {
    const from = this.#people;
    this.#people += count;
    return Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const subject = `person-${from + index}`;
        return { subject, token: await this.system.token(subject, index % 2 === 0) };
      }),
    );
  }
}
