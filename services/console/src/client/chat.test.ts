import { expect, test } from 'vitest';
import { parseLine, writeLine } from './chat.js';

test('a line comes back as it was written', () => {
  const line = { id: '1', text: '<b>hello</b> ✓\n' };
  expect(parseLine(writeLine(line))).toEqual(line);
});

test('what is no line is none, and one that is too long is cut', () => {
  for (const data of ['', 'hello', 'null', '[]', '{}', '{"id":1,"text":"x"}', '{"id":"1"}']) {
    expect(parseLine(data)).toBeUndefined();
  }
  expect(parseLine(JSON.stringify({ id: '1', text: 'x'.repeat(9_000) }))?.text).toHaveLength(2_000);
});
