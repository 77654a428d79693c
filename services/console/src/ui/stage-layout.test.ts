import fc from 'fast-check';
import { expect, test } from 'vitest';
import { layOut, type Box } from './stage-layout.js';

const DESKTOP = { width: 1_240, height: 640 };
const PHONE = { width: 366, height: 640 };
const cameras = (count: number) => Array.from({ length: count }, () => false);

const area = ({ width, height }: Box) => width * height;

test('one tile is as large as its shape allows', () => {
  const [box] = layOut(cameras(1), DESKTOP).boxes;
  expect(box?.height).toBeCloseTo(640);
  expect((box?.width ?? 0) / (box?.height ?? 1)).toBeCloseTo(16 / 9);
});

test('two tiles stand side by side on a desktop and one above the other on a phone', () => {
  const [left, right] = layOut(cameras(2), DESKTOP).boxes;
  expect(left?.top).toBe(right?.top);
  const [upper, lower] = layOut(cameras(2), PHONE).boxes;
  expect(upper?.left).toBe(lower?.left);
  expect((upper?.width ?? 0) / (upper?.height ?? 1)).toBeLessThan(1.5);
});

test('a shared screen is the largest on any stage', () => {
  for (const stage of [DESKTOP, PHONE]) {
    const [camera, screen, other] = layOut([false, true, false], stage).boxes;
    expect(area(screen!)).toBeGreaterThan(2 * area(camera!));
    expect(area(screen!)).toBeGreaterThan(2 * area(other!));
  }
});

test('a stage without room shows nothing', () => {
  expect(layOut(cameras(3), { width: 0, height: 0 }).boxes).toEqual([]);
});

const tiles = fc.array(fc.boolean(), { minLength: 1, maxLength: 60 });
const stages = fc.record({
  width: fc.integer({ min: 320, max: 2_560 }),
  height: fc.integer({ min: 300, max: 1_440 }),
});

test('every tile has a place, inside of the stage, and no two overlap', () => {
  fc.assert(
    fc.property(tiles, stages, (spotlit, stage) => {
      const { boxes, height } = layOut(spotlit, stage);
      expect(boxes).toHaveLength(spotlit.length);
      for (const box of boxes) {
        expect(box.width).toBeGreaterThan(0);
        expect(box.height).toBeGreaterThan(0);
        expect(box.left).toBeGreaterThanOrEqual(-0.01);
        expect(box.left + box.width).toBeLessThanOrEqual(stage.width + 0.01);
        expect(box.top).toBeGreaterThanOrEqual(-0.01);
        expect(box.top + box.height).toBeLessThanOrEqual(height + 0.01);
      }
      const overlaps = boxes.flatMap((one, index) =>
        boxes.slice(index + 1).filter((other) => overlap(one, other)),
      );
      expect(overlaps).toEqual([]);
    }),
  );
});

function overlap(a: Box, b: Box): boolean {
  const slack = 0.01;
  return (
    a.left + a.width > b.left + slack &&
    b.left + b.width > a.left + slack &&
    a.top + a.height > b.top + slack &&
    b.top + b.height > a.top + slack
  );
}
