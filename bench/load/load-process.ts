import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Audience, Order, Rate, Reply } from './orders.js';

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));

/** Makes load from a process of its own, so that it can be kept off the cores under test. */
export class LoadProcess {
  readonly #child: ChildProcess = fork(MAIN, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async open(name: string, audience: Audience): Promise<void> {
    await this.#tell({ do: 'open', name, audience });
  }

  async start(name: string, rate: Rate): Promise<void> {
    await this.#tell({ do: 'start', name, rate });
  }

  async stop(name: string): Promise<void> {
    await this.#tell({ do: 'stop', name });
  }

  /** Packets that its viewers have received so far, all together. */
  count(name: string): Promise<number> {
    return this.#tell({ do: 'count', name });
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.disconnect();
    await once(this.#child, 'exit');
  }

  /** Orders are given one after the other. */
  async #tell(order: Order): Promise<number> {
    this.#child.send(order);
    const [reply] = (await once(this.#child, 'message')) as [Reply];
    if ('error' in reply) throw new Error(reply.error);
    return reply.packets;
  }
}
