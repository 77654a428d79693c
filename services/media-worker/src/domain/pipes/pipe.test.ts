import { describe, expect, it } from 'vitest';
import { FakeClock } from '@sluice/testing';
import { FakePipeTransport, aPipe } from '../relays/relay-fakes.fixture.js';

describe('a pipe', () => {
  it('that was opened here closes when it has been unused for the linger', () => {
    const clock = new FakeClock();
    const transport = new FakePipeTransport();
    const pipe = aPipe(transport, { clock, lingerMs: 100 });
    const relay = {};
    pipe.use(relay);
    clock.elapse(1_000);
    expect(pipe.closed).toBe(false);

    pipe.drop(relay);
    clock.elapse(99);
    expect(pipe.closed).toBe(false);
    clock.elapse(1);
    expect(pipe.closed).toBe(true);
    expect(transport.closed).toBe(true);
  });

  it('that never carries anything closes as well', () => {
    const clock = new FakeClock();
    const pipe = aPipe(undefined, { clock, lingerMs: 100 });
    clock.elapse(100);
    expect(pipe.closed).toBe(true);
  });

  it('stays when it is used again within the linger', () => {
    const clock = new FakeClock();
    const pipe = aPipe(undefined, { clock, lingerMs: 100 });
    const [first, second] = [{}, {}];
    pipe.use(first);
    pipe.drop(first);
    clock.elapse(50);
    pipe.use(second);
    clock.elapse(1_000);
    expect(pipe.closed).toBe(false);
  });

  it('that the other side opened waits for the other side', () => {
    const clock = new FakeClock();
    const pipe = aPipe(undefined, { clock });
    clock.elapse(1_000_000);
    expect(pipe.closed).toBe(false);
  });

  it('closes with its transport, which closes with its router', () => {
    const transport = new FakePipeTransport();
    const pipe = aPipe(transport);
    transport.close();
    expect(pipe.closed).toBe(true);
  });
});
