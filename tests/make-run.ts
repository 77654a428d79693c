import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Ready } from '@sluice/local-cluster';
import { eventually } from '@sluice/testing';
import { processTree } from './processes.js';

const READY = 'READY ';
/** Building the mediasoup worker first, where there is none, takes most of it. */
const READY_TIMEOUT_MS = 15 * 60_000;

/** What `make test` has put into our environment and a newcomer's does not have. */
const NOT_A_NEWCOMERS = [
  'MAKEFLAGS',
  'MAKELEVEL',
  'MFLAGS',
  'MEDIASOUP_WORKER_BIN',
  'SLUICE_NATS_SERVER',
  'SLUICE_CHROMIUM',
  'SLUICE_PORT',
  'NODE_OPTIONS',
  'NODE_ENV',
];

/** `make run`, as somebody types it in a terminal. Whoever starts it ends it. */
export class MakeRun {
  readonly output: string[] = [];
  readonly #make: ChildProcess;
  readonly #exited: Promise<number | null>;

  constructor(folder: string, environment: Record<string, string> = {}) {
    const newcomers = Object.entries(process.env).filter(
      ([name]) => !NOT_A_NEWCOMERS.includes(name),
    );
    this.#make = spawn('make', ['run'], {
      cwd: folder,
      env: { ...Object.fromEntries(newcomers), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A terminal gives what is typed a process group of its own.
      detached: true,
    });
    this.#exited = once(this.#make, 'exit').then(([code]) => code as number | null);
    for (const stream of [this.#make.stdout, this.#make.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.output.push(line));
    }
  }

  /** Resolves to the line for scripts; rejects with the output when it ends before. */
  async ready(): Promise<Ready> {
    let code: number | null | undefined;
    void this.#exited.then((exitCode) => (code = exitCode));
    await eventually(() => {
      if (code !== undefined) return undefined;
      return this.#readyLine() === undefined ? 'no READY line' : undefined;
    }, READY_TIMEOUT_MS);
    const line = this.#readyLine();
    if (line === undefined) {
      throw new Error(`make run ended with ${String(code)}:\n${this.output.join('\n')}`);
    }
    return JSON.parse(line.slice(READY.length)) as Ready;
  }

  /** Every process that it has started by now, with those that each of these started. */
  processes(ready: Ready): readonly number[] {
    const roots = [
      this.#make.pid!,
      ready.pid,
      ready.nats.pid,
      ...[...ready.nodes, ...ready.gateways, ...ready.directories].map(({ pid }) => pid),
    ];
    return [...new Set(roots.flatMap(processTree))];
  }

  get exited(): Promise<number | null> {
    return this.#exited;
  }

  /** Ctrl-C: the whole group in the foreground gets the signal. */
  pressControlC(): void {
    process.kill(-this.#make.pid!, 'SIGINT');
  }

  terminate(): void {
    this.#make.kill('SIGTERM');
  }

  async stop(): Promise<void> {
    if (this.#make.exitCode === null && this.#make.signalCode === null) this.terminate();
    await this.#exited;
  }

  #readyLine(): string | undefined {
    return this.output.find((line) => line.startsWith(READY));
  }
}
