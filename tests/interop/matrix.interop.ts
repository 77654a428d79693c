import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { REPOSITORY_ROOT } from '../cluster-under-test.js';
import { CANDIDATES, type Candidate } from './clients/candidates.js';
import type { InteropClient } from './clients/client.js';
import { ROWS, type Row } from './rows.js';
import { Stage } from './stage.js';
import { writeTable, type Column } from './table.js';

const TABLE = join(REPOSITORY_ROOT, 'docs', 'interop.md');

let stage: Stage;
const columns: Column[] = [];

beforeAll(async () => {
  stage = await Stage.open();
});

afterAll(async () => {
  await stage.close();
  const wholeTable = columns.every(({ cells }) => cells.size === ROWS.length);
  if (wholeTable && columns.length === CANDIDATES.length) {
    await writeTable(
      TABLE,
      ROWS.map(({ name }) => name),
      columns,
    );
  }
});

describe.each(CANDIDATES)('$name', (candidate) => {
  const cells = new Map<string, string>();
  let version = '';
  let open: Awaited<ReturnType<Candidate['open']>>;

  beforeAll(async () => {
    open = await candidate.open(stage);
  });
  afterAll(async () => {
    await open.close();
    columns.push({ name: candidate.name, version, cells });
  });

  test.for(ROWS)('can $name', async (row, context) => {
    const lack = candidate.lacks[row.name];
    if (lack !== undefined) {
      cells.set(row.name, `no: ${lack}`);
      context.skip(lack);
    }
    cells.set(row.name, 'no: failed in the last run');
    const client = await open.client();
    version = client.version;
    await playWith(client, row);
    cells.set(row.name, 'yes');
  });
});

async function playWith(client: InteropClient, row: Row): Promise<void> {
  try {
    const scene = await stage.scene(client, row.network ?? 'ipv4');
    try {
      await row.play(scene);
    } finally {
      await scene.viewer.leave();
    }
  } finally {
    await client.run({ do: 'close' }).catch(() => undefined);
    await client.stop();
  }
}
