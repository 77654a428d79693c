// Measures, and writes docs/benchmarks.md. See bench/README.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PageServer, launchChromium } from '@sluice/testing/browser';
import prettier from 'prettier';
import { measureControlPlane } from './control-plane/measure.js';
import { compare, gather, type ForwardingPlan, type Pair } from './forwarding/compare.js';
import { measureJoins, type Joins } from './join/measure.js';
import { LoadProcess } from './load/load-process.js';
import { describeMachine } from './machine/description.js';
import { describe, ForeignLoad, isQuiet, lookForForeignLoad } from './machine/foreign-load.js';
import { LOAD_CORE, MEASURED_CORE, pin } from './machine/pinning.js';
import { benchmarksPage } from './report/benchmarks-page.js';
import { startPlain, startSluice, type System } from './systems.js';

const PAGE_SCRIPTS = fileURLToPath(new URL('./page', import.meta.url));
const REPORT = fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url));
const MEDIASOUP = new URL('../../node_modules/mediasoup/package.json', import.meta.url);
const JOINS = Number(process.env['SLUICE_BENCH_JOINS'] ?? 20);
const JOINS_ATTEMPTS_MAX = 3;
const PLAN: ForwardingPlan = {
  viewers: 40,
  rate: { packetsPerSecond: 500, payloadBytes: 1_100 },
  pairs: Number(process.env['SLUICE_BENCH_PAIRS'] ?? 8),
  warmUpMs: 1_000,
  windowMs: 6_000,
};

/** Measures on a busy machine as well, to see that it works; writes nothing then. */
const ANYWAY = process.env['SLUICE_BENCH_ANYWAY'] === 'true';

interface Systems {
  readonly sluice: System;
  readonly plain: System;
}

const rootsOf = ({ sluice, plain }: Systems) => [process.pid, ...sluice.pids, ...plain.pids];

async function withSystems<T>(work: (systems: Systems) => Promise<T>): Promise<T> {
  const sluice = await startSluice();
  const plain = await startPlain();
  try {
    return await work({ sluice, plain });
  } finally {
    await plain.stop();
    await sluice.stop();
  }
}

/** Undefined when something else used the machine meanwhile, each time that it was tried. */
async function joins(systems: Systems): Promise<Joins | undefined> {
  const pages = await PageServer.start(PAGE_SCRIPTS);
  const browser = await launchChromium();
  try {
    for (let attempt = 0; attempt < JOINS_ATTEMPTS_MAX; attempt += 1) {
      const foreign = new ForeignLoad(rootsOf(systems));
      const found = await measureJoins(browser, pages.url, systems, JOINS);
      const disturbance = foreign.soFar();
      if (isQuiet(disturbance) || ANYWAY) return found;
      say(`joins were disturbed: ${describe(disturbance)}`);
    }
    return undefined;
  } finally {
    await browser.close();
    await pages.stop();
  }
}

interface Forwarded {
  readonly near: readonly Pair[] | undefined;
  readonly far: readonly Pair[] | undefined;
  readonly pinned: boolean;
}

async function forwarding(systems: Systems): Promise<Forwarded> {
  const load = new LoadProcess();
  try {
    const workers = [...systems.sluice.workerPids, ...systems.plain.workerPids];
    const pinned = pin(workers, MEASURED_CORE) && pin([load.pid], LOAD_CORE);
    const run = async (sameNode: boolean) => {
      for (const system of [systems.sluice, systems.plain]) {
        await gather(load, system, sameNode, PLAN.viewers);
      }
      return compare(load, systems, sameNode, { ...PLAN, evenIfDisturbed: ANYWAY });
    };
    say('forwarding to viewers on the same node');
    const near = await run(true);
    say('forwarding to viewers across a pipe');
    return { near, far: await run(false), pinned };
  } finally {
    await load.close();
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function main(): Promise<void> {
  const idle = await lookForForeignLoad([process.pid]);
  if (!isQuiet(idle) && !ANYWAY) {
    throw new Error(
      `This machine is busy (${describe(idle)}): no figures. Try again when it is idle.`,
    );
  }
  say('joining');
  const joined = await withSystems(joins);
  const forwarded = await withSystems(forwarding);
  const controlPlane = await measureControlPlane({ evenIfDisturbed: ANYWAY, say });
  const { version } = JSON.parse(readFileSync(MEDIASOUP, 'utf8')) as { version: string };
  const page = benchmarksPage({
    machine: describeMachine(version),
    measuredAt: new Date(),
    plan: PLAN,
    joins: joined,
    ...forwarded,
    controlPlane,
  });
  if (!joined || !forwarded.near || !forwarded.far || !controlPlane.joins) {
    throw new Error(`Something else used the machine: nothing is written.\n${page}`);
  }
  process.stdout.write(page);
  if (ANYWAY) return;
  const options = await prettier.resolveConfig(REPORT);
  writeFileSync(REPORT, await prettier.format(page, { ...options, parser: 'markdown' }));
  say(`written to ${REPORT}`);
}

try {
  await main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
