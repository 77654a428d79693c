import { setTimeout as delay } from 'node:timers/promises';
import type { LoadProcess } from '../load/load-process.js';
import type { Rate } from '../load/orders.js';
import { cpuSecondsOf } from '../machine/cpu.js';
import { ForeignLoad, isQuiet } from '../machine/foreign-load.js';
import type { System } from '../systems.js';

export interface ForwardingPlan {
  readonly viewers: number;
  readonly rate: Rate;
  readonly pairs: number;
  readonly warmUpMs: number;
  readonly windowMs: number;
  readonly evenIfDisturbed?: boolean;
}

/** CPU of one system in one window, in microseconds per packet that a viewer has received. */
export interface Cost {
  readonly worker: number;
  readonly control: number;
  /** Packets per second, over all viewers. */
  readonly packetsPerSecond: number;
  /** Fraction of what should have been sent and received that was not received. */
  readonly shortfall: number;
}

export interface Pair {
  readonly sluice: Cost;
  readonly plain: Cost;
}

const DISTURBED_PAIRS_MAX = 8;
const SHORTFALL_MAX = 0.01;

/** Connects a publisher and its viewers to a system; they stay until the load process ends. */
export async function gather(
  load: LoadProcess,
  system: System,
  sameNode: boolean,
  viewers: number,
): Promise<string> {
  const name = `${system.name}-${sameNode ? 'near' : 'far'}`;
  const names = Array.from({ length: viewers }, (_, index) => `${name}-viewer-${index}`);
  await load.open(name, {
    url: system.url,
    room: name,
    publisherToken: await system.token(`${name}-publisher`, true),
    viewerTokens: await Promise.all(names.map((subject) => system.token(subject, sameNode))),
    sameNode,
  });
  return name;
}

/**
 * Lets the two systems do the same by turns. A pair during which something else used the machine is
 * thrown away and done again; undefined when that happens too often.
 */
export async function compare(
  load: LoadProcess,
  systems: { readonly sluice: System; readonly plain: System },
  sameNode: boolean,
  plan: ForwardingPlan,
): Promise<readonly Pair[] | undefined> {
  const audience = (system: System) => `${system.name}-${sameNode ? 'near' : 'far'}`;
  const costOf = (system: System) => measure(load, system, audience(system), plan);
  const roots = [process.pid, ...systems.sluice.pids, ...systems.plain.pids];
  const pairs: Pair[] = [];
  for (let disturbed = 0; pairs.length < plan.pairs;) {
    const foreign = new ForeignLoad(roots);
    const pair = await inTurn(costOf, systems, pairs.length % 2 === 1);
    const undisturbed = isQuiet(foreign.soFar()) && !fellShort(pair);
    if (undisturbed || plan.evenIfDisturbed) pairs.push(pair);
    else if ((disturbed += 1) > DISTURBED_PAIRS_MAX) return undefined;
  }
  return pairs;
}

/** Who goes first changes, so that a machine that becomes slower or faster favours neither. */
async function inTurn(
  costOf: (system: System) => Promise<Cost>,
  { sluice, plain }: { readonly sluice: System; readonly plain: System },
  plainFirst: boolean,
): Promise<Pair> {
  if (!plainFirst) return { sluice: await costOf(sluice), plain: await costOf(plain) };
  const cost = await costOf(plain);
  return { sluice: await costOf(sluice), plain: cost };
}

/** Too few packets: what is lost on the way costs as well, and is not counted. */
function fellShort({ sluice, plain }: Pair): boolean {
  return Math.max(sluice.shortfall, plain.shortfall) > SHORTFALL_MAX;
}

async function measure(
  load: LoadProcess,
  system: System,
  audience: string,
  { rate, viewers, warmUpMs, windowMs }: ForwardingPlan,
): Promise<Cost> {
  await load.start(audience, rate);
  await delay(warmUpMs);
  const startedAtMs = performance.now();
  const before = await sample(load, system, audience);
  await delay(windowMs);
  const after = await sample(load, system, audience);
  const seconds = (performance.now() - startedAtMs) / 1_000;
  await load.stop(audience);
  const packets = after.packets - before.packets;
  const microseconds = (from: number, to: number) => ((to - from) * 1e6) / packets;
  return {
    worker: microseconds(before.workerSeconds, after.workerSeconds),
    control: microseconds(before.controlSeconds, after.controlSeconds),
    packetsPerSecond: packets / seconds,
    shortfall: 1 - packets / (rate.packetsPerSecond * viewers * seconds),
  };
}

async function sample(load: LoadProcess, system: System, audience: string) {
  return {
    packets: await load.count(audience),
    workerSeconds: cpuSecondsOf(system.workerPids),
    controlSeconds: cpuSecondsOf(system.controlPids),
  };
}
