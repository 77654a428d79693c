import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openRunLogs } from './run-logs.js';

test('only the newest runs are kept, the new one among them', () => {
  const parent = mkdtempSync(join(tmpdir(), 'sluice-run-logs-'));
  try {
    const opened = Array.from({ length: 15 }, (_, second) =>
      openRunLogs(parent, new Date(1_000 * second), 7),
    );
    const kept = readdirSync(parent).sort();
    expect(kept).toHaveLength(10);
    expect(kept.map((name) => join(parent, name))).toEqual(opened.slice(-10));
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
});
