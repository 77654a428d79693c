import { describe, expect, test } from 'vitest';
import { formatDuration, parseDuration } from './duration.js';
import { UsageError } from './failure.js';

describe('parseDuration', () => {
  test.each([
    ['500ms', 500],
    ['90s', 90_000],
    ['1.5m', 90_000],
    ['1h30m', 5_400_000],
    ['2d', 172_800_000],
  ])('%s is %i ms', (text, ms) => {
    expect(parseDuration(text, 'ttl')).toBe(ms);
  });

  test.each(['', '90', 's', '-5s', '5 s', '1h 30m', '5sx', 'x5s'])('%j is none', (text) => {
    expect(() => parseDuration(text, 'ttl')).toThrow(UsageError);
  });
});

test.each([
  [0, '0 s'],
  [41_000, '41 s'],
  [59_001, '1 min'],
  [250_000, '4 min 10 s'],
  [7_500_000, '2 h 5 min'],
  [7_200_000, '2 h'],
])('%i ms are shown as %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});
