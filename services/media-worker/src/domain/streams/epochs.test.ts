import { expect, test } from 'vitest';
import { Epochs } from './epochs.js';

test('only a higher epoch moves it', () => {
  const epochs = new Epochs();
  for (const epoch of [3, 1, Number.NaN, 2, 0.5]) epochs.see(epoch);
  expect(epochs.highest).toBe(3);
});
