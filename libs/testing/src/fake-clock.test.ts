import { expect, test } from 'vitest';
import { FakeClock } from './fake-clock.js';

test('time stands still until it is moved, and tasks see the time they were due', () => {
  const clock = new FakeClock();
  const ran: [string, number][] = [];
  const note = (name: string) => () => ran.push([name, clock.nowMs()]);
  clock.after(30, note('late'));
  clock.after(10, note('early'));
  clock.every(20, note('again'));
  expect(clock.nowMs()).toBe(0);
  clock.elapse(9);
  expect(ran).toEqual([]);
  clock.elapse(51);
  expect(ran).toEqual([
    ['early', 10],
    ['again', 20],
    ['late', 30],
    ['again', 40],
    ['again', 60],
  ]);
  expect(clock.nowMs()).toBe(60);
});

test('what is cancelled does not run, even by a task of the same moment', () => {
  const clock = new FakeClock();
  const ran: string[] = [];
  clock.after(10, () => {
    ran.push('first');
    second.cancel();
  });
  const second = clock.after(10, () => ran.push('second'));
  const again = clock.every(10, () => {
    ran.push('again');
    again.cancel();
  });
  clock.elapse(100);
  expect(ran).toEqual(['first', 'again']);
});

test('a task that makes another one may have it run in the same time', () => {
  const clock = new FakeClock();
  let depth = 0;
  const deeper = () => {
    depth += 1;
    if (depth < 5) clock.after(10, deeper);
  };
  clock.after(10, deeper);
  clock.elapse(40);
  expect(depth).toBe(4);
});
