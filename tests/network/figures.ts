import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY_ROOT } from '../cluster-under-test.js';
import type { Watched } from './watch.js';

const RESULTS = join(REPOSITORY_ROOT, 'test-results');

/** What was measured, as a page. */
export class Figures {
  readonly #rows: string[] = [];
  readonly #notes: string[] = [];

  constructor(private readonly name: string) {}

  add(what: string, seen: Watched): void {
    const percent = (share: number) => `${(share * 100).toFixed(2)} %`;
    const cells = [
      what,
      seen.widths.join(', '),
      String(seen.pictures),
      `${seen.longestStillMs} ms`,
      percent(seen.repairedShare),
      percent(seen.lostShare),
    ];
    this.#rows.push(`| ${cells.join(' | ')} |`);
  }

  /** How long something took. */
  note(what: string, durationMs: number): void {
    this.#notes.push(`${what} after ${(durationMs / 1_000).toFixed(1)} s`);
  }

  /** Writes what was seen, whatever came of it. */
  write(): void {
    const page = [
      '| what | width of the picture | pictures | longest still | sent again | lost after that |',
      '| --- | --- | --- | --- | --- | --- |',
      ...this.#rows,
      '',
      ...this.#notes.map((note) => `- ${note}`),
    ];
    mkdirSync(RESULTS, { recursive: true });
    writeFileSync(join(RESULTS, `network-${this.name}.md`), page.join('\n'));
  }
}
