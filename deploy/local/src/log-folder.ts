import { createWriteStream, mkdirSync, readFileSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';

/** One file per service with its lines as they are, and `cluster.log` with all, named, in order. */
export class LogFolder {
  readonly #files = new Map<string, WriteStream>();

  constructor(readonly path: string) {
    mkdirSync(path, { recursive: true });
  }

  append(service: string, line: string): void {
    this.#file(service).write(`${line}\n`);
    this.#file('cluster').write(`${service.padEnd(12)} ${line}\n`);
  }

  pathOf(service: string): string {
    return join(this.path, `${service}.log`);
  }

  /** What a service has said so far; empty when nothing. */
  read(service: string): string {
    try {
      return readFileSync(this.pathOf(service), 'utf8');
    } catch {
      // It has not said anything yet.
      return '';
    }
  }

  async close(): Promise<void> {
    const files = [...this.#files.values()];
    this.#files.clear();
    await Promise.all(files.map((file) => new Promise((resolve) => file.end(resolve))));
  }

  #file(service: string): WriteStream {
    let file = this.#files.get(service);
    if (!file) {
      file = createWriteStream(this.pathOf(service), { flags: 'a' });
      this.#files.set(service, file);
    }
    return file;
  }
}
