import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What the guard is told, one JSON object a line. */
export type GuardOrder =
  { readonly watch: number } | { readonly release: number } | { readonly folder: string };

const GUARD = fileURLToPath(new URL('./orphan-guard-main.js', import.meta.url));

/**
 * A small process that outlives its maker by a moment: when the maker is gone, for whatever reason,
 * SIGKILL included, it ends the process groups that were still watched and removes the folder.
 */
export class OrphanGuard {
  readonly #process: ChildProcess;

  constructor(folder: string) {
    this.#process = spawn(process.execPath, [GUARD], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    // It may be gone already; then there is nobody left to tell.
    this.#process.stdin?.on('error', () => undefined);
    this.#process.unref();
    this.#tell({ folder });
  }

  watch(pid: number): void {
    if (pid > 0) this.#tell({ watch: pid });
  }

  release(pid: number): void {
    if (pid > 0) this.#tell({ release: pid });
  }

  /** Lets the guard do its work, which is nothing but the folder when all were released. */
  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.ref();
    this.#process.stdin?.end();
    if (this.#process.exitCode === null && this.#process.signalCode === null) await ended;
  }

  #tell(order: GuardOrder): void {
    this.#process.stdin?.write(`${JSON.stringify(order)}\n`);
  }
}
