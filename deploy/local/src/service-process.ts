import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Environment } from './environment.js';

/** Where a service can be reached, as the line that says so names it: such as grpc, http, admin. */
export type Addresses = Readonly<Record<string, string>>;

export interface ServiceProgram {
  /** Such as node-1: unique in its cluster. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Environment;
  /** The addresses, once `line` of the output says that the service listens. */
  readonly addressesIn: (line: string) => Addresses | undefined;
}

export interface ServiceExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** How long a service has after SIGTERM. */
const STOP_TIMEOUT_MS = 8_000;

/**
 * One service of the cluster as a process of its own. It leads a process group, so that Ctrl-C
 * reaches only whoever started it and its own children can be ended with it.
 */
export class ServiceProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #listening: Promise<Addresses>;
  readonly #exited: Promise<ServiceExit>;
  #exit: ServiceExit | undefined;
  #stopping = false;

  constructor(program: ServiceProgram, onLine: (line: string) => void) {
    this.name = program.name;
    this.#child = spawn(program.command, program.args, {
      env: { ...program.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.#exited = this.#watchExit();
    this.#listening = this.#readOutput(program, onLine);
    // Whoever awaits listening() sees the failure; nobody has to.
    this.#listening.catch(() => undefined);
  }

  /** 0 when the program could not be started at all. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#exit === undefined;
  }

  /** Whether its end was asked for. */
  get stopping(): boolean {
    return this.#stopping;
  }

  get exited(): Promise<ServiceExit> {
    return this.#exited;
  }

  /** Rejects when the process ends first. */
  listening(): Promise<Addresses> {
    return this.#listening;
  }

  /** Ends it: SIGTERM, then its whole group by SIGKILL when that takes too long. */
  async stop(timeoutMs = STOP_TIMEOUT_MS): Promise<void> {
    this.#stopping = true;
    // Its group's id may be another's by now.
    if (!this.running) return;
    this.#child.kill('SIGTERM');
    const late = setTimeout(() => this.#killGroup(), timeoutMs);
    await this.#exited;
    clearTimeout(late);
    // What it has left behind, should it not have ended its own children.
    this.#killGroup();
  }

  /** Sends a signal to the process alone and waits for its end where the signal brings it. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const ends = signal === 'SIGKILL' || signal === 'SIGTERM' || signal === 'SIGINT';
    this.#stopping ||= ends;
    this.#child.kill(signal);
    if (ends) await this.#exited;
  }

  #killGroup(): void {
    try {
      if (this.pid > 0) process.kill(-this.pid, 'SIGKILL');
    } catch {
      // ESRCH: nothing of the group is left.
    }
  }

  async #watchExit(): Promise<ServiceExit> {
    const exit = await new Promise<ServiceExit>((resolve) => {
      this.#child.once('exit', (code, signal) => resolve({ code, signal }));
      this.#child.once('error', () => resolve({ code: null, signal: null }));
    });
    this.#exit = exit;
    return exit;
  }

  #readOutput(program: ServiceProgram, onLine: (line: string) => void): Promise<Addresses> {
    return new Promise((resolve, reject) => {
      const lastLines: string[] = [];
      const onOutputLine = (line: string) => {
        onLine(line);
        lastLines.push(line);
        if (lastLines.length > 8) lastLines.shift();
        const addresses = program.addressesIn(line);
        if (addresses) resolve(addresses);
      };
      const outputs = [this.#child.stdout, this.#child.stderr].filter((output) => output !== null);
      const read = Promise.all(outputs.map((output) => readLines(output, onOutputLine)));
      this.#child.once('error', (error) => reject(error));
      void Promise.all([this.#exited, read]).then(() => {
        reject(new Error(`${this.name} ended before it was ready:\n${lastLines.join('\n')}`));
      });
    });
  }
}

async function readLines(output: Readable, onLine: (line: string) => void): Promise<void> {
  const lines = createInterface({ input: output });
  lines.on('line', onLine);
  await once(lines, 'close');
}
