import { expect, test } from 'vitest';
import { wantedLayers } from './layers.js';

test('a chosen quality is what is asked for, whatever the size', () => {
  expect(wantedLayers('high', 10).spatial).toBe(2);
  expect(wantedLayers('medium', 4_000).spatial).toBe(1);
  expect(wantedLayers('low', 4_000).spatial).toBe(0);
});

test('automatic quality grows with the size of the picture', () => {
  const asked = [100, 240, 241, 480, 481, 1_280].map((px) => wantedLayers('auto', px).spatial);
  expect(asked).toEqual([0, 0, 1, 1, 2, 2]);
});

test('before anything is shown the best is asked for', () => {
  expect(wantedLayers('auto', undefined).spatial).toBe(2);
});
