import { readFileSync, writeFileSync } from 'node:fs';
import { format } from 'prettier';

export interface Column {
  readonly name: string;
  readonly version: string;
  /** What was seen, by the row's name. */
  readonly cells: ReadonlyMap<string, string>;
}

/** Writes what was seen, if it is not what stands there. */
export async function writeTable(
  path: string,
  rows: readonly string[],
  columns: readonly Column[],
): Promise<void> {
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
    'Written by `make interop` (tests/interop); what stands here was seen in its last run. Each client is a small program that speaks the main dialect by itself. Its counterpart is a Chromium on another media node: what a client publishes, Chromium decodes and hears; what a client subscribes to, it decodes itself.',
    '',
    line(['', ...columns.map(({ name }) => name)]),
    line(['---', ...columns.map(() => '---')]),
    line(['version', ...columns.map(({ version }) => version)]),
    ...rows.map((row) => line([row, ...columns.map((column) => cellOf(column, row))])),
    '',
    ...notes.map((note, index) => `${index + 1}. ${note}`),
    '',
  ].join('\n');
  const formatted = await format(text, { parser: 'markdown', printWidth: 100 });
  if (formatted !== existing(path)) writeFileSync(path, formatted);
}

function splitOnce(text: string): [string, string] {
  const at = text.indexOf(':');
  return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}

function existing(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
