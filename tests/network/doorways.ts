import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where `tsc -b` puts it. */
const PROGRAM = fileURLToPath(new URL('../dist/network/doorway.js', import.meta.url));

/** A command as it is run in some place. */
export type Placed = (program: string, args: readonly string[]) => [string, string[]];

export const HERE: Placed = (program, args) => [program, [...args]];

/** Connections between loopbacks of different network namespaces, whatever links them. */
export class Doorways {
  readonly #folder = mkdtempSync(join(tmpdir(), 'sluice-doorway-'));
  readonly #children: ChildProcess[] = [];
  #opened = 0;

  /** Makes the loopback port of one place reachable at the same port of the other's loopback. */
  async open(port: number, at: { readonly listening: Placed; readonly serving: Placed }) {
    this.#opened += 1;
    const path = join(this.#folder, `${this.#opened}.sock`);
    await this.#start(at.serving, path, String(port));
    await this.#start(at.listening, String(port), path);
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const exited = once(child, 'exit');
        child.kill('SIGKILL');
        await exited;
      }),
    );
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #start(placed: Placed, from: string, to: string): Promise<void> {
    const [command, args] = placed(process.execPath, [PROGRAM, from, to]);
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#children.push(child);
    await Promise.race([
      once(child.stdout, 'data'),
      once(child, 'exit').then(() => {
        throw new Error(`no doorway from ${from} to ${to}`);
      }),
    ]);
  }
}
