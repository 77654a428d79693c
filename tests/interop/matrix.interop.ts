import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { REPOSITORY_ROOT } from '../cluster-under-test.js';
import { TurnServer } from '../network/turn-server.js';
import { CANDIDATES, type Opened } from './clients/candidates.js';
import { ClientCrash } from './clients/program.js';
import type { InteropClient } from './clients/client.js';
import { ROWS, type Row } from './rows.js';
import { Stage } from './stage.js';
import { lostSince, pageOf, writePage } from './table.js';

const PAGE = join(REPOSITORY_ROOT, 'docs', 'interop.md');
/** Only who asks for it gets another page; other runs compare. */
const WRITES_PAGE = process.env['SLUICE_INTEROP_PAGE'] === 'write';

let stage: Stage;
/** In the page's order, whichever is done first. */
const columns = CANDIDATES.map(({ name }) => ({
  name,
  version: '',
  cells: new Map<string, string>(),
}));

beforeAll(async () => {
  stage = await Stage.open();
});

afterAll(() => stage.close());

// Some implementations side by side, each with one row after the other.
describe.for(CANDIDATES)('$name', { concurrent: true }, (candidate) => {
  const column = columns.find(({ name }) => name === candidate.name)!;
  const { cells } = column;
  let open: Opened;

  beforeAll(async () => {
    open = await candidate.open(stage);
  });
  afterAll(() => open.close());

  test.for(ROWS)('can $name', { concurrent: false }, async (row, context) => {
    const lack = candidate.lacks[row.name];
    if (lack !== undefined) cells.set(row.name, `no: ${lack}`);
    const reason = lack ?? stage.lacks(row.network ?? 'ipv4');
    if (reason !== undefined) context.skip(reason);
    cells.set(row.name, 'no: failed in the last run');
    const play = () =>
      stage.alone(row.network ?? 'ipv4', async (network) => {
        const client = await open.client(network);
        column.version = client.version;
        await playWith(client, row);
      });
    await play().catch((error: unknown) => {
      if (!(error instanceof ClientCrash)) throw error;
      console.log(`${candidate.name} broke by itself (${error.message}); again: ${row.name}`);
      return play();
    });
    cells.set(row.name, 'yes');
  });
});

test('nothing that stands on the page is lost', async (context) => {
  const whole = columns.every(({ cells }) => cells.size > 0);
  if (!whole) context.skip('some rows were left out');
  const page = await pageOf(
    ROWS.map(({ name }) => name),
    columns,
  );
  if (WRITES_PAGE) writePage(PAGE, page);
  else writePage(join(REPOSITORY_ROOT, 'test-results', 'interop.md'), page);
  expect(lostSince(readFileSync(PAGE, 'utf8'), page)).toEqual([]);
});

async function playWith(client: InteropClient, row: Row): Promise<void> {
  const turn = row.relayed ? await TurnServer.start(stage.mediaAddress) : undefined;
  try {
    if (turn) await stage.namespace.blockUdp({ except: turn.port });
    const scene = await stage.scene(client, row.network ?? 'ipv4', turn);
    try {
      await row.play(scene);
      if (turn && !turn.relaysTo(stage.mediaAddress)) throw new Error('coturn has relayed nothing');
    } finally {
      await scene.viewer.leave();
    }
  } finally {
    await client.run({ do: 'close' }).catch(() => undefined);
    await client.stop();
    if (turn) await stage.namespace.unblockUdp();
    await turn?.stop();
  }
}
