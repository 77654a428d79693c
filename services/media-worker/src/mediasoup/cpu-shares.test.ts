import { describe, expect, it } from 'vitest';
import { FakeClock } from '@sluice/testing';
import { CpuShares, type CpuUser } from './cpu-shares.js';

class FakeProcess implements CpuUser {
  usedMs = 0;
  dying = false;

  constructor(readonly routerId: string) {}

  cpuTimeMs(): Promise<number> {
    return this.dying ? Promise.reject(new Error('gone')) : Promise.resolve(this.usedMs);
  }
}

describe('CPU shares', () => {
  it('are what was used since the last measurement, of the time that passed', async () => {
    const clock = new FakeClock();
    const shares = new CpuShares(clock);
    const [busy, idle] = [new FakeProcess('busy'), new FakeProcess('idle')];
    busy.usedMs = 5_000;
    expect(await shares.measure([busy, idle])).toEqual(
      new Map([
        ['busy', 0],
        ['idle', 0],
      ]),
    );

    clock.elapse(1_000);
    busy.usedMs += 250;
    expect(await shares.measure([busy, idle])).toEqual(
      new Map([
        ['busy', 0.25],
        ['idle', 0],
      ]),
    );
  });

  it('are never more than one CPU', async () => {
    const clock = new FakeClock();
    const shares = new CpuShares(clock);
    const process = new FakeProcess('a');
    await shares.measure([process]);
    clock.elapse(100);
    process.usedMs += 180;
    expect((await shares.measure([process])).get('a')).toBe(1);
  });

  it('leave out a worker that dies meanwhile', async () => {
    const shares = new CpuShares(new FakeClock());
    const [dying, well] = [new FakeProcess('dying'), new FakeProcess('well')];
    dying.dying = true;
    expect([...(await shares.measure([dying, well])).keys()]).toEqual(['well']);
  });
});
