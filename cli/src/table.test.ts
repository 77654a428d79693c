import { expect, test } from 'vitest';
import { table } from './table.js';

test('columns are as wide as their widest cell, and nothing trails', () => {
  expect(
    table(
      ['A', 'LONG'],
      [
        ['wide cell', 'x'],
        ['y', ''],
      ],
    ),
  ).toBe('A          LONG\nwide cell  x\ny\n');
});

test('what a stranger typed cannot move the cursor', () => {
  expect(table(['NAME'], [['a\u001B[2Jb\nc']])).toBe('NAME\na\uFFFD[2Jb\uFFFDc\n');
});
