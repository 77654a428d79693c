import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Placed } from './doorways.js';

const PYTHON = '/usr/bin/python3';
const PROGRAM = fileURLToPath(new URL('wire.py', import.meta.url));

export interface Impairment {
  /** Of the packets of UDP in each direction, 0 to 1. */
  readonly lossShare?: number;
  /** Of each packet of UDP, in each direction. */
  readonly delayMs?: number;
  /** What gets through in each direction, one packet after the other; else everything at once. */
  readonly kilobitsPerSecond?: number;
  /** Of a packet that would wait for longer than this for its turn nothing more is seen. */
  readonly queueMs?: number;
}

export interface Carried {
  readonly passed: number;
  readonly lost: number;
}

/** A cable that loses, delays and holds up packets, between two interfaces of a namespace. */
export class Wire {
  readonly #lines: AsyncIterator<string>;

  private constructor(private readonly child: ChildProcessByStdio<Writable, Readable, null>) {
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  }

  static async between(place: Placed, one: string, other: string): Promise<Wire> {
    const [command, args] = place(PYTHON, [PROGRAM, one, other]);
    const wire = new Wire(spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] }));
    await wire.#line();
    return wire;
  }

  /** How it is from now on. @returns what it has carried until now, since the last time. */
  async impair(impairment: Impairment): Promise<Carried> {
    this.child.stdin.write(`${JSON.stringify(impairment)}\n`);
    return JSON.parse(await this.#line()) as Carried;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.stdin.end();
    await exited;
  }

  async #line(): Promise<string> {
    const line = await this.#lines.next();
    if (line.done) throw new Error('the wire is gone');
    return line.value;
  }
}
