import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { format } from 'prettier';

const INTRODUCTION =
  'Written by `make interop` (tests/interop); what stands here was seen in its last run, and `make test` fails where a yes became a no. Each client is a small program that speaks the main dialect by itself. Its counterpart is a Chromium on another media node: what a client publishes, Chromium decodes and hears; what a client subscribes to, it decodes itself.';
const EXPLANATION = [
  '- Over TCP: the client is not told of the UDP candidates. With UDP blocked: it is, in a network namespace from which no UDP packet leaves.',
  '- Restart ICE on another network: in a network namespace the interface from which the client publishes goes down, another one with another address comes up, and the client restarts ICE.',
  '- Relayed by coturn: the client is told of a coturn, and in its network namespace packets by UDP reach that alone; coturn says that it relays to the media node.',
  '- Both sides offer at once: the client offers another track on the PeerConnection on which it publishes while Sluice offers another one on the PeerConnection on which it subscribes. Offers that meet on one PeerConnection are in the tests of libs/sdp.',
  '- werift and libdatachannel have no codecs: GStreamer encodes and decodes for them.',
].join('\n');

export interface Column {
  readonly name: string;
  readonly version: string;
  /** What was seen, by the row's name. */
  readonly cells: ReadonlyMap<string, string>;
}

/** The page that says what was seen. */
export async function pageOf(rows: readonly string[], columns: readonly Column[]): Promise<string> {
  const notes: string[] = [];
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const cellOf = (column: Column, row: string): string => {
    const seen = column.cells.get(row) ?? 'not tried';
    if (!seen.includes(':')) return seen;
    const [verdict, reason] = splitOnce(seen);
    const known = notes.indexOf(reason);
    const number = known === -1 ? notes.push(reason) : known + 1;
    return `${verdict} (${number})`;
  };
  const text = [
    '# Interoperability',
    '',
    INTRODUCTION,
    '',
    line(['', ...columns.map(({ name }) => name)]),
    line(['---', ...columns.map(() => '---')]),
    line(['version', ...columns.map(({ version }) => version)]),
    ...rows.map((row) => line([row, ...columns.map((column) => cellOf(column, row))])),
    '',
    ...notes.map((note, index) => `${index + 1}. ${note}`),
    '',
    EXPLANATION,
    '',
  ].join('\n');
  return format(text, { parser: 'markdown', printWidth: 100 });
}

/** Writes a page, if it is not what stands there. */
export function writePage(path: string, page: string): void {
  if (existsSync(path) && readFileSync(path, 'utf8') === page) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, page);
}

/** Cells, as `<row>: <column>`, that say yes on an earlier page, and no on a later one. */
export function lostSince(earlier: string, later: string): string[] {
  const now = cellsOf(later);
  return [...cellsOf(earlier)]
    .filter(([cell, seen]) => seen === 'yes' && now.get(cell)?.startsWith('no ('))
    .map(([cell]) => cell);
}

/** What a page says of each cell, under `<row>: <column>`. */
function cellsOf(page: string): Map<string, string> {
  const [head = [], ...rows] = page
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  return new Map(
    rows.flatMap(([row = '', ...cells]) =>
      cells.map((cell, index) => [`${row}: ${head[index + 1] ?? ''}`, cell] as const),
    ),
  );
}

function splitOnce(text: string): [string, string] {
  const at = text.indexOf(':');
  return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}
