import { appendFileSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { FaultId } from './promises.js';

/** What one run of one fault came to. */
export interface FaultRecord {
  readonly fault: FaultId;
  readonly run: number;
  /** The longest time without sound at each caller, of whomever it hears. */
  readonly gapsMs: Readonly<Record<string, number>>;
  /** The longest of all callers in the same call, while nothing was done to it. */
  readonly quietGapMs: number;
  /** Processes that wanted to run, for each core: above 1 the machine had more to do than it could. */
  readonly loadPerCore: number;
  /** More that was measured, by name with unit. */
  readonly figures: Readonly<Record<string, number>>;
  /** When gaps began and what pages were told, for whoever looks into it. */
  readonly history: Readonly<Record<string, unknown>>;
  /** What did not hold beside the gap; undefined when everything did. */
  readonly failure?: string;
}

/** JSON lines, one file for each fault. */
export class FaultRecords {
  constructor(private readonly folder: string) {}

  append(record: FaultRecord): void {
    mkdirSync(this.folder, { recursive: true });
    appendFileSync(join(this.folder, `${record.fault}.jsonl`), `${JSON.stringify(record)}\n`);
  }

  read(): readonly FaultRecord[] {
    return readdirSync(this.folder)
      .filter((name) => name.endsWith('.jsonl'))
      .flatMap((name) => readFileSync(join(this.folder, name), 'utf8').split('\n'))
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as FaultRecord);
  }
}
