import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { REPOSITORY_ROOT } from '../cluster-under-test.js';
import type { Watched } from './watch.js';

/** Only who asks for it gets another page. */
const WRITES_PAGE = process.env['SLUICE_NETWORK_PAGE'] === 'write';
const PAGE = join(REPOSITORY_ROOT, WRITES_PAGE ? 'docs' : 'test-results', 'network.md');

/** What was measured, as a page. */
export class Figures {
  readonly #rows: string[] = [];
  #recovery = '';

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

  recoveredAfter(durationMs: number): void {
    this.#recovery = `Once the limit of 300 kbit/s was gone, the full picture was back after ${(durationMs / 1000).toFixed(1)} s.`;
  }

  write(): void {
    if (this.#rows.length === 0) return;
    const page = [
      '# Bad networks',
      '',
      'Written by `make network` (tests/network); what stands here was seen in its last run. Viewers are Chromiums; one of them is in a network namespace, and its link is limited by `tc` or loses and delays packets in both directions.',
      '',
      '| what | width of the picture | pictures | longest still | sent again | lost after that |',
      '| --- | --- | --- | --- | --- | --- |',
      ...this.#rows,
      '',
      this.#recovery,
      '',
    ].join('\n');
    mkdirSync(dirname(PAGE), { recursive: true });
    writeFileSync(PAGE, page);
  }
}
