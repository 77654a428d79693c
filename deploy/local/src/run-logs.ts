import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const KEPT_RUNS = 10;

/** A new folder for one run's logs below `parent`, which keeps only the newest few. */
export function openRunLogs(parent: string, startedAt: Date, pid: number): string {
  const name = `${startedAt.toISOString().replace(/[:.]/g, '-')}-${pid}`;
  const path = join(parent, name);
  mkdirSync(path, { recursive: true });
  const old = readdirSync(parent).sort().slice(0, -KEPT_RUNS);
  for (const entry of old) rmSync(join(parent, entry), { recursive: true, force: true });
  return path;
}
