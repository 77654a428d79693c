import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Variables } from './config.js';

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** The cells of a section's table, without its head. */
function table(section: string): string[][] {
  const text = README.split(`\n## ${section}\n`)[1]?.split('\n## ')[0] ?? '';
  const rows = text.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) =>
    row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

describe('the README', () => {
  test('lists every variable as it is read, in that order', () => {
    const expected = Object.entries(Variables.shape).map(([name, schema]) => [
      name,
      defaultOf(schema),
      schema.description,
    ]);
    expect(table('Configuration')).toEqual(expected);
  });
});

function defaultOf(schema: (typeof Variables.shape)[keyof typeof Variables.shape]): string {
  const unset = schema.safeParse(undefined);
  if (!unset.success) return 'required';
  return unset.data === undefined ? '' : String(unset.data);
}
