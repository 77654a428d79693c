import { describe, expect, it } from 'vitest';
import { FakeClock } from '@sluice/testing';
import { nextMessage, withDeadline } from './relay-deadline.js';

describe('a deadline', () => {
  it('lets through what comes in time', async () => {
    const clock = new FakeClock();
    expect(await withDeadline(clock, 100, 'it', Promise.resolve(7))).toBe(7);
    clock.elapse(1_000);
  });

  it('fails what comes too late, and names it', async () => {
    const clock = new FakeClock();
    const late = withDeadline(clock, 100, 'the pipe', new Promise(() => undefined));
    clock.elapse(100);
    await expect(late).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: 'the pipe did not come in time',
    });
  });

  it('says when a call ended before its message', async () => {
    const nothing = { next: () => Promise.resolve({ done: true as const, value: undefined }) };
    await expect(nextMessage(new FakeClock(), 100, 'the pipe', nothing)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
  });
});
