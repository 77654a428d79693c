import { expect, test } from 'vitest';
import { systemClock } from './clock.js';

test('a task runs once, after its delay', async () => {
  const startedMs = systemClock.nowMs();
  let runs = 0;
  await new Promise<void>((resolve) => {
    systemClock.after(20, () => {
      runs += 1;
      resolve();
    });
  });
  // Timers may round down by a millisecond.
  expect(systemClock.nowMs() - startedMs).toBeGreaterThanOrEqual(19);
  expect(runs).toBe(1);
});

test('what was cancelled never runs, and what repeats does until then', async () => {
  const ran: string[] = [];
  const never = systemClock.after(5, () => ran.push('never'));
  never.cancel();
  never.cancel();
  await new Promise<void>((resolve) => {
    const repeated = systemClock.every(5, () => {
      ran.push('again');
      if (ran.length < 3) return;
      repeated.cancel();
      systemClock.after(30, resolve);
    });
  });
  expect(ran).toEqual(['again', 'again', 'again']);
});
