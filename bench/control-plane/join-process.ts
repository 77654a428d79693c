import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Arrivals, JoinOrder, JoinReply } from './join-orders.js';

const MAIN = fileURLToPath(new URL('./join-main.js', import.meta.url));

/** Makes joins from a process of its own, so that it can be kept off the cores under test. */
export class JoinProcess {
  readonly #child: ChildProcess = fork(MAIN, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Orders are given one after the other. */
  async tell(order: JoinOrder): Promise<Arrivals> {
    this.#child.send(order);
    const [reply] = (await once(this.#child, 'message')) as [JoinReply];
    if ('error' in reply) throw new Error(reply.error);
    return reply;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.disconnect();
    await once(this.#child, 'exit');
  }
}
