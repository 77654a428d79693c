import { describe, expect, test } from 'vitest';
import { LayerCeiling } from './layer-ceiling.js';

const TOP = 2;

/** Climbs to the top and falls a second later; resolves to the rest in seconds. */
function failedClimb(ceiling: LayerCeiling, atMs: number): number {
  ceiling.lift();
  expect(ceiling.show(TOP, TOP, atMs)).toBeUndefined();
  return (ceiling.show(0, TOP, atMs + 1_000) ?? 0) / 1_000;
}

describe('the ceiling of a picture', () => {
  test('a fall rests for ten seconds where it fell to, and no longer than that', () => {
    const ceiling = new LayerCeiling();
    expect(ceiling.show(TOP, TOP, 0)).toBeUndefined();
    expect(ceiling.spatial).toBeUndefined();
    expect(ceiling.show(1, TOP, 60_000)).toBe(10_000);
    expect(ceiling.spatial).toBe(1);
    ceiling.lift();
    expect(ceiling.spatial).toBeUndefined();
  });

  test('in the first seconds of a picture it rests for two', () => {
    const ceiling = new LayerCeiling();
    ceiling.show(TOP, TOP, 0);
    expect(ceiling.show(0, TOP, 7_000)).toBe(2_000);
    ceiling.lift();
    ceiling.show(TOP, TOP, 9_100);
    expect(ceiling.show(0, TOP, 9_500)).toBe(10_000);
  });

  test('each climb that fails makes the rest longer, up to a minute', () => {
    const ceiling = new LayerCeiling();
    ceiling.show(0, TOP, 0);
    const rests = [100_000, 200_000, 300_000, 400_000, 500_000].map((atMs) =>
      failedClimb(ceiling, atMs),
    );
    expect(rests).toEqual([10, 20, 40, 60, 60]);
  });

  test('a climb taken back before anybody can have told of it has not failed, nor held', () => {
    const ceiling = new LayerCeiling();
    ceiling.show(0, TOP, 0);
    expect(failedClimb(ceiling, 100_000)).toBe(10);
    expect(failedClimb(ceiling, 200_000)).toBe(20);
    ceiling.lift();
    ceiling.show(TOP, TOP, 300_000);
    expect(ceiling.show(0, TOP, 300_040)).toBe(2_000);
    expect(ceiling.spatial).toBe(0);
    expect(failedClimb(ceiling, 310_000)).toBe(40);
  });

  test('a climb that held forgets those that failed', () => {
    const ceiling = new LayerCeiling();
    ceiling.show(0, TOP, 0);
    failedClimb(ceiling, 100_000);
    failedClimb(ceiling, 200_000);
    ceiling.lift();
    ceiling.show(TOP, TOP, 300_000);
    expect(ceiling.show(0, TOP, 330_000)).toBe(10_000);
  });

  test('a viewer who wants less does not fall, nor does who is under the ceiling already', () => {
    const ceiling = new LayerCeiling();
    ceiling.show(TOP, TOP, 0);
    expect(ceiling.show(0, 0, 1_000)).toBeUndefined();
    ceiling.show(TOP, TOP, 20_000);
    expect(ceiling.show(1, TOP, 60_000)).toBe(10_000);
    ceiling.show(TOP, TOP, 60_001);
    expect(ceiling.show(1, TOP, 60_002)).toBeUndefined();
  });

  test('a picture that pauses has not fallen', () => {
    const ceiling = new LayerCeiling();
    ceiling.show(TOP, TOP, 0);
    expect(ceiling.show(undefined, TOP, 1_000)).toBeUndefined();
    expect(ceiling.show(TOP, TOP, 2_000)).toBeUndefined();
    expect(ceiling.spatial).toBeUndefined();
  });
});
