import { describe, expect, it } from 'vitest';
import { nextRestart } from './restart-policy.js';

describe('a worker that died', () => {
  it('is back soon the first time, and later the second', () => {
    expect(nextRestart([1_000], 1_000)).toEqual({ afterMs: 100, quarantined: false });
    expect(nextRestart([1_000, 2_000], 2_000)).toEqual({ afterMs: 1_000, quarantined: false });
  });

  it('is left alone for ten minutes the third time within one', () => {
    expect(nextRestart([1_000, 30_000, 60_000], 60_000)).toEqual({
      afterMs: 600_000,
      quarantined: true,
    });
  });

  it('is forgiven what is longer ago than a minute', () => {
    expect(nextRestart([1_000, 30_000, 61_000], 61_000)).toEqual({
      afterMs: 1_000,
      quarantined: false,
    });
    expect(nextRestart([1_000, 2_000, 500_000], 500_000)).toEqual({
      afterMs: 100,
      quarantined: false,
    });
  });
});
