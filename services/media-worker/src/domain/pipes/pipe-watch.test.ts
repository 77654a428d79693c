import { beforeEach, describe, expect, test } from 'vitest';
import { SluiceError } from '@sluice/core';
import { FakeClock } from '@sluice/testing';
import { PipeWatch, judgePipe } from './pipe-watch.js';
import type { Pipe } from './pipe.js';
import { aPipe, settled } from '../relays/relay-fakes.fixture.js';

let clock: FakeClock;
let wanted: Set<Pipe>;
let silent: Pipe[];
let asked: number;
let answers: boolean;
let flows: boolean;
let bytes: number;
let pipe: Pipe;

beforeEach(() => {
  clock = new FakeClock();
  pipe = aPipe();
  wanted = new Set([pipe]);
  silent = [];
  asked = 0;
  answers = true;
  flows = true;
  bytes = 0;
  new PipeWatch({
    clock,
    wanted: () => wanted,
    receivedBytes: () => Promise.resolve(flows ? (bytes += 1_000) : bytes),
    ask: () => {
      asked += 1;
      return answers ? Promise.resolve() : Promise.reject(new SluiceError('UNAVAILABLE', 'no'));
    },
    onSilent: (gone) => silent.push(gone),
  });
});

async function elapse(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) {
    clock.elapse(100);
    await settled();
  }
}

describe('the far end of a pipe', () => {
  test('is asked nothing while packets come', async () => {
    await elapse(5_000);
    expect(asked).toBe(0);
    expect(silent).toEqual([]);
  });

  test('is gone when it neither sends nor answers', async () => {
    await elapse(1_000);
    flows = false;
    answers = false;
    await elapse(2_000);
    expect(silent).toEqual([pipe]);
  });

  test('lives when its publishers are mute but it answers', async () => {
    flows = false;
    await elapse(10_000);
    expect(asked).toBeGreaterThan(0);
    expect(silent).toEqual([]);
  });

  test('lives when its control process stalls but its packets come', async () => {
    answers = false;
    await elapse(10_000);
    expect(silent).toEqual([]);
  });

  test('is not looked at while nobody wants its packets', async () => {
    flows = false;
    answers = false;
    wanted.clear();
    await elapse(10_000);
    expect(silent).toEqual([]);
    wanted.add(pipe);
    await elapse(600);
    expect(silent).toEqual([]);
  });

  test('is given new time when this process itself stood still', async () => {
    await elapse(1_000);
    flows = false;
    answers = false;
    await elapse(600);
    const late = clock.nowMs.bind(clock);
    clock.nowMs = () => late() + 60_000;
    await elapse(600);
    expect(silent).toEqual([]);
  });

  test('needs either sign of life, and not both', () => {
    const at = (mediaAtMs: number, controlAtMs: number) =>
      judgePipe({ mediaAtMs, controlAtMs }, 10_000);
    expect(at(9_900, 0)).toBe('lives');
    expect(at(5_000, 9_900)).toBe('ask');
    expect(at(5_000, 5_000)).toBe('silent');
  });
});
