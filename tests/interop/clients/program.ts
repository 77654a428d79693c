import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Command, Reply } from '../page/commands.js';
import type { InteropClient } from './client.js';

const REPLY_TIMEOUT_MS = 15_000;
const STOP_TIMEOUT_MS = 2_000;
const STDERR_KEPT = 2_000;

interface Line {
  readonly version?: string;
  readonly reply?: Reply;
  readonly error?: string;
}

/** The client's own code broke, as native ones do at times; whatever was tried says nothing of us. */
export class ClientCrash extends Error {}

/** How a process ends that broke, rather than gave up. */
const CRASHES: readonly (string | null)[] = ['SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGILL', 'SIGFPE'];

/** A program that carries out one command a line and answers each with a line. */
export class ProgramClient implements InteropClient {
  readonly #lines: AsyncIterator<string>;
  #stderr = '';
  #version = '';

  private constructor(private readonly child: ChildProcessByStdio<Writable, Readable, Readable>) {
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_KEPT);
    });
    child.stdin.on('error', () => undefined);
  }

  static async start(command: string, args: readonly string[]): Promise<ProgramClient> {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    await once(child, 'spawn');
    const client = new ProgramClient(child);
    client.#version = (await client.#line()).version ?? '';
    return client;
  }

  get version(): string {
    return this.#version;
  }

  async run(command: Command): Promise<Reply> {
    this.child.stdin.write(`${JSON.stringify(command)}\n`);
    const { reply, error } = await this.#line();
    if (!reply) throw new Error(`${command.do}: ${error ?? 'no reply'}\n${this.#stderr}`);
    return reply;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.stdin.end();
    const abort = new AbortController();
    const late = delay(STOP_TIMEOUT_MS, undefined, { signal: abort.signal, ref: false });
    await Promise.race([exited, late]);
    abort.abort();
    await late.catch(() => undefined);
    this.child.kill('SIGKILL');
    await exited;
  }

  async #line(): Promise<Line> {
    const late = AbortSignal.timeout(REPLY_TIMEOUT_MS);
    const tooLate = new Promise<never>((_, reject) => {
      late.addEventListener('abort', () =>
        reject(new Error(`the client does not answer\n${this.#stderr}`)),
      );
    });
    const line = await Promise.race([this.#lines.next(), tooLate]);
    if (line.done) throw await this.#ending();
    return JSON.parse(line.value) as Line;
  }

  async #ending(): Promise<Error> {
    const { child } = this;
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    if (CRASHES.includes(child.signalCode)) return new ClientCrash(`${child.signalCode}`);
    return new Error(`the client ended\n${this.#stderr}`);
  }
}
