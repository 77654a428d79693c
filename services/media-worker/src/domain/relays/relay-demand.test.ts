import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '@sluice/testing';
import { RelayDemand } from './relay-demand.js';

const DELAY_MS = 500;

let clock: FakeClock;
let demand: RelayDemand;
let told: boolean[];

beforeEach(() => {
  clock = new FakeClock();
  demand = new RelayDemand(clock, DELAY_MS);
  told = [];
});

const connect = () => demand.connect((paused) => told.push(paused));

describe('a parent', () => {
  it('is told nothing while nobody wants packets: it sends none', () => {
    connect();
    clock.elapse(10 * DELAY_MS);
    expect(told).toEqual([]);
  });

  it('hears at once that somebody wants packets', () => {
    connect();
    demand.setWanted(true);
    expect(told).toEqual([false]);
  });

  it('hears after a delay that nobody does any more', () => {
    demand.setWanted(true);
    connect();
    demand.setWanted(false);
    clock.elapse(DELAY_MS - 1);
    expect(told).toEqual([false]);
    clock.elapse(1);
    expect(told).toEqual([false, true]);
  });

  it('hears nothing when somebody comes back within the delay', () => {
    demand.setWanted(true);
    connect();
    demand.setWanted(false);
    clock.elapse(DELAY_MS / 2);
    demand.setWanted(true);
    clock.elapse(10 * DELAY_MS);
    expect(told).toEqual([false]);
  });

  it('is not told the same twice', () => {
    connect();
    demand.setWanted(true);
    demand.setWanted(true);
    demand.setWanted(false);
    clock.elapse(DELAY_MS);
    demand.setWanted(false);
    clock.elapse(DELAY_MS);
    expect(told).toEqual([false, true]);
  });

  it('that is new is told anew', () => {
    connect();
    demand.setWanted(true);
    demand.connect(undefined);
    told = [];
    connect();
    expect(told).toEqual([false]);
  });

  it('that is gone is told nothing', () => {
    connect();
    demand.setWanted(true);
    demand.setWanted(false);
    told = [];
    demand.connect(undefined);
    clock.elapse(DELAY_MS);
    demand.setWanted(true);
    expect(told).toEqual([]);
  });
});
