import { expect, test } from 'vitest';
import { eventually } from './eventually.js';

test('waits until it is so, through reasons and throws', async () => {
  let probes = 0;
  await eventually(() => {
    probes += 1;
    if (probes === 1) return 'not yet';
    if (probes === 2) throw new Error('not at all');
    return undefined;
  });
  expect(probes).toBe(3);
});

test('fails with the last reason when it never gets so', async () => {
  let probes = 0;
  const probe = () => Promise.resolve(`reason ${(probes += 1)}`);
  await expect(eventually(probe, 60)).rejects.toThrow(/^still not so after 60 ms: reason \d+$/);
  expect(probes).toBeGreaterThan(1);
});

test('a probe’s own error is the reason', async () => {
  const probe = () => {
    throw new Error('it broke');
  };
  await expect(eventually(probe, 0)).rejects.toThrow('it broke');
});
