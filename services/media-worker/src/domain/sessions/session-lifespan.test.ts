import { beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '@sluice/testing';
import { SessionLifespan } from './session-lifespan.js';

const TIMINGS = { graceMs: 30_000, connectMs: 20_000 };

let clock: FakeClock;
let state: { attached: boolean; publishes: boolean; receives: boolean; reachable: boolean };
let closed: string[];

beforeEach(() => {
  clock = new FakeClock();
  state = { attached: false, publishes: true, receives: true, reachable: true };
  closed = [];
});

function lifespan(unattended = false): SessionLifespan {
  return new SessionLifespan({
    clock,
    timings: TIMINGS,
    unattended,
    attached: () => state.attached,
    publishes: () => state.publishes,
    receives: () => state.receives,
    reachable: () => state.reachable,
    close: (reason) => closed.push(reason),
  });
}

describe('a session that gateways watch', () => {
  test('ends when nobody has come within its grace time', () => {
    const life = lifespan();
    life.startGrace();
    clock.elapse(TIMINGS.graceMs - 1);
    life.endGrace();
    clock.elapse(TIMINGS.graceMs);
    expect(closed).toEqual([]);
    life.startGrace();
    clock.elapse(TIMINGS.graceMs);
    expect(closed).toEqual(['not resumed in time']);
  });

  test('does not end for want of a PeerConnection', () => {
    state.reachable = false;
    lifespan().endUnattended();
    expect(closed).toEqual([]);
  });

  test('ends once its heir has all that it published and it receives nothing', () => {
    const life = lifespan();
    state.attached = true;
    life.supersede('by its heir');
    state.publishes = false;
    life.endWhenMoved();
    expect(closed).toEqual([]);
    state.receives = false;
    life.endWhenMoved();
    expect(closed).toEqual(['moved']);
  });

  test('that some other origin replaced stays while somebody watches it', () => {
    const life = lifespan();
    Object.assign(state, { attached: true, publishes: false, receives: false });
    life.supersede('by some origin');
    expect(closed).toEqual([]);
    state.attached = false;
    life.endWhenMoved();
    expect(closed).toEqual(['moved']);
  });

  test('that nobody superseded does not end as moved', () => {
    Object.assign(state, { publishes: false, receives: false });
    lifespan().endWhenMoved();
    expect(closed).toEqual([]);
  });
});

describe('a session that nobody watches', () => {
  test('ends where no PeerConnection has come in time', () => {
    state.reachable = false;
    lifespan(true).startGrace();
    clock.elapse(TIMINGS.connectMs);
    expect(closed).toEqual(['connection over']);
  });

  test('lives as long as it can be reached', () => {
    const life = lifespan(true);
    life.startGrace();
    clock.elapse(TIMINGS.graceMs * 2);
    expect(closed).toEqual([]);
    state.reachable = false;
    life.endUnattended();
    expect(closed).toEqual(['connection over']);
  });
});
