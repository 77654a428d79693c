import { describe, expect, test } from 'vitest';
import type { RouterRef } from '@sluice/proto-gen/common';
import { SluiceError, streamKey, type ErrorCode, type StreamName } from '@sluice/core';
import { FakeClock, eventually } from '@sluice/testing';
import { Epochs } from './epochs.js';
import type { Directory, StreamYield } from '../ports.js';
import { StreamClaims, type Claimant, type NameHolder } from './stream-claims.js';

const NAME: StreamName = { room: 'r', participant: 'anna', purpose: 'm.usermedia' };
const ORIGIN: RouterRef = { nodeId: 'n', bootId: 'b', routerId: 'r', grpcAddress: 'n:1' };
const CLAIMANT: Claimant = { name: NAME, origin: ORIGIN, sessionId: 's1' };

interface Held {
  readonly epoch: number;
  readonly sessionId: string;
  readonly nodeId: string;
}

/** A directory of one table, which can be away. */
class MemoryDirectory implements Directory {
  readonly held = new Map<string, Held>();
  readonly calls: string[] = [];
  away = false;

  claimStream(claim: Parameters<Directory['claimStream']>[0]): Promise<{ epoch: number }> {
    this.calls.push(claim.heldEpoch === undefined ? 'claim' : 'register');
    if (this.away) return Promise.reject(new SluiceError('UNAVAILABLE', 'away'));
    const key = streamKey(claim.name);
    const known = this.held.get(key);
    const own = known?.sessionId === claim.sessionId && known.nodeId === claim.origin.nodeId;
    if (known && own) return Promise.resolve({ epoch: known.epoch });
    const replaced = known !== undefined && known.sessionId === claim.replacesSessionId;
    if (known && !replaced) return Promise.reject(refusal(known));
    const epoch = claim.heldEpoch ?? 1 + Math.max(claim.highestEpoch, known?.epoch ?? 0);
    this.held.set(key, { epoch, sessionId: claim.sessionId, nodeId: claim.origin.nodeId });
    return Promise.resolve({ epoch });
  }

  releaseStream(name: StreamName, epoch: number): Promise<void> {
    this.calls.push(`release ${String(epoch)}`);
    if (this.away) return Promise.reject(new SluiceError('UNAVAILABLE', 'away'));
    const key = streamKey(name);
    if (this.held.get(key)?.epoch === epoch) this.held.delete(key);
    return Promise.resolve();
  }

  findStream(name: StreamName) {
    const known = this.held.get(streamKey(name));
    if (!known) return refuse('NOT_FOUND');
    const { nodeId, epoch, sessionId } = known;
    const origin = { nodeId, bootId: 'b', routerId: 'r', grpcAddress: `${nodeId}:1` };
    return Promise.resolve({ origin, epoch, sessionId });
  }

  planRelay(): never {
    throw new Error('claims plan nothing');
  }
}

function refusal({ epoch, sessionId, nodeId }: Held): SluiceError {
  const details = { nodeId, bootId: 'b', sessionId, epoch, grpcAddress: `${nodeId}:1` };
  return new SluiceError('ALREADY_EXISTS', 'taken', details);
}

function setUp(yielding: (holder: NameHolder) => Promise<void> = () => refuse('INVALID_STATE')) {
  const directory = new MemoryDirectory();
  const clock = new FakeClock();
  const epochs = new Epochs();
  const asked: NameHolder[] = [];
  const wishes: StreamYield[] = [];
  const fenced: StreamName[] = [];
  const claims = new StreamClaims({
    directory,
    clock,
    epochs,
    holders: {
      yield: (holder, wish) => {
        asked.push(holder);
        wishes.push(wish);
        return yielding(holder);
      },
    },
    onFenced: (name) => fenced.push(name),
  });
  return { directory, clock, epochs, asked, wishes, fenced, claims };
}

function refuse(code: ErrorCode): Promise<never> {
  return Promise.reject(new SluiceError(code, 'no'));
}

test('a name that is doubted is asked for, and closed once it is another’s', async () => {
  const { claims, directory, fenced } = setUp();
  const claim = await claims.claim(CLAIMANT);
  await claims.check(NAME);
  expect(claim.closed).toBe(false);
  directory.held.set(streamKey(NAME), { epoch: 7, sessionId: 'other', nodeId: 'far' });
  await claims.check(NAME);
  expect(claim.closed).toBe(true);
  expect(fenced).toEqual([NAME]);
  // What it does not hold any more it does not ask for, nor give back.
  await claims.check(NAME);
  expect(directory.calls).toEqual(['claim', 'register', 'register']);
});

describe('claiming', () => {
  test('epochs grow beyond all that was ever seen', async () => {
    const { claims, epochs } = setUp();
    epochs.see(41);
    const claim = await claims.claim(CLAIMANT);
    expect(claim.epoch).toBe(42);
    expect(epochs.highest).toBe(42);
  });

  test('a holder that is in use keeps the name, and its epoch is remembered', async () => {
    const { claims, directory, epochs, asked } = setUp();
    directory.held.set(streamKey(NAME), { epoch: 7, sessionId: 'other', nodeId: 'far' });
    await expect(claims.claim(CLAIMANT)).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
      message: 'Stream already exists',
    });
    expect(asked).toEqual([
      { nodeId: 'far', bootId: 'b', sessionId: 'other', epoch: 7, grpcAddress: 'far:1' },
    ]);
    expect(epochs.highest).toBe(7);
  });

  test('a holder that yields makes room for the next epoch', async () => {
    const { claims, directory } = setUp(() => {
      directory.held.clear();
      return Promise.resolve();
    });
    directory.held.set(streamKey(NAME), { epoch: 7, sessionId: 'other', nodeId: 'far' });
    expect((await claims.claim(CLAIMANT)).epoch).toBe(8);
  });

  test('a holder that knows nothing of it is asked a bounded number of times', async () => {
    const { claims, directory, asked } = setUp(() => refuse('NOT_FOUND'));
    directory.held.set(streamKey(NAME), { epoch: 7, sessionId: 'other', nodeId: 'far' });
    await expect(claims.claim(CLAIMANT)).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
    });
    expect(asked.length).toBeLessThan(5);
  });

  test('a holder that does not answer makes the name unavailable for now', async () => {
    const { claims, directory } = setUp(() => refuse('DEADLINE_EXCEEDED'));
    directory.held.set(streamKey(NAME), { epoch: 7, sessionId: 'other', nodeId: 'far' });
    await expect(claims.claim(CLAIMANT)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('giving back', () => {
  test('a closed claim is released', async () => {
    const { claims, directory } = setUp();
    (await claims.claim(CLAIMANT)).close();
    await claims.allReleased();
    expect(directory.held.size).toBe(0);
  });

  test('it is tried until the directory has heard it', async () => {
    const { claims, directory, clock } = setUp();
    const claim = await claims.claim(CLAIMANT);
    directory.away = true;
    claim.close();
    await eventually(() => {
      clock.elapse(10_000);
      return directory.calls.length > 4 ? undefined : 'not tried again';
    });
    directory.away = false;
    await eventually(() => {
      clock.elapse(10_000);
      return directory.held.size === 0 ? undefined : 'still held';
    });
    await claims.allReleased();
  });

  test('a new claim by the same session is not undone by the old release', async () => {
    const { claims, directory, clock } = setUp();
    const first = await claims.claim(CLAIMANT);
    directory.away = true;
    first.close();
    await eventually(() => (directory.calls.includes('release 1') ? undefined : 'not tried'));
    directory.away = false;
    const second = await claims.claim(CLAIMANT);
    clock.elapse(60_000);
    await claims.allReleased();
    expect(directory.held.get(streamKey(NAME))?.epoch).toBe(second.epoch);
  });

  test('what a session of ours holds or is about to hold is not given back for another', async () => {
    const { claims } = setUp();
    const claiming = claims.claim(CLAIMANT);
    await expect(claims.giveBack(NAME, 1, 'asker')).rejects.toMatchObject({
      code: 'INVALID_STATE',
    });
    await claiming;
    await expect(claims.giveBack(NAME, 1, 'asker')).rejects.toMatchObject({
      code: 'INVALID_STATE',
    });
  });

  test('a name that nobody here remembers is given back when asked for', async () => {
    const { claims, directory } = setUp();
    directory.held.set(streamKey(NAME), { epoch: 5, sessionId: 'gone', nodeId: 'n' });
    await claims.giveBack(NAME, 5, 'asker');
    expect(directory.held.size).toBe(0);
  });
});

describe('registering again', () => {
  test('a directory that lost everything learns it again, under the same epoch', async () => {
    const { claims, directory } = setUp();
    const { epoch } = await claims.claim(CLAIMANT);
    directory.held.clear();
    expect(await claims.reregister()).toBe(true);
    expect(directory.held.get(streamKey(NAME))?.epoch).toBe(epoch);
  });

  test('what is another’s by now is fenced and not released', async () => {
    const { claims, directory, fenced } = setUp();
    const claim = await claims.claim(CLAIMANT);
    const other = { epoch: 9, sessionId: 'other', nodeId: 'far' };
    directory.held.set(streamKey(NAME), other);
    expect(await claims.reregister()).toBe(true);
    expect(claim.closed).toBe(true);
    expect(fenced).toEqual([NAME]);
    await claims.allReleased();
    expect(directory.held.get(streamKey(NAME))).toEqual(other);
  });

  test('a directory that cannot be reached takes nothing away', async () => {
    const { claims, directory } = setUp();
    const claim = await claims.claim(CLAIMANT);
    directory.away = true;
    expect(await claims.reregister()).toBe(false);
    expect(claim.closed).toBe(false);
  });

  test('a name that was given back meanwhile does not come back', async () => {
    const { claims, directory } = setUp();
    const claim = await claims.claim(CLAIMANT);
    const again = claims.reregister();
    claim.close();
    await again;
    await claims.allReleased();
    expect(directory.held.size).toBe(0);
  });
});

describe('taking over', () => {
  const heir: Claimant = { ...CLAIMANT, replacesSessionId: 'old' };

  function setUpHeir(yielding: () => Promise<void> = () => Promise.resolve()) {
    const parts = setUp(yielding);
    parts.directory.held.set(streamKey(NAME), { epoch: 7, sessionId: 'old', nodeId: 'far' });
    return parts;
  }

  test('the name is granted while the old session holds it, which is asked nothing yet', async () => {
    const { claims, wishes } = setUpHeir();
    const claim = await claims.claim(heir);
    expect(claim.epoch).toBe(8);
    expect(claim.predecessor).toMatchObject({ nodeId: 'far', epoch: 7, sessionId: 'old' });
    expect(wishes).toEqual([]);
  });

  test('once the new one flows, the old origin is told under its own epoch', async () => {
    const { claims, wishes } = setUpHeir();
    await claims.supersede(await claims.claim(heir));
    expect(wishes).toEqual([{ name: NAME, epoch: 7, sessionId: 's1', replacesSessionId: 'old' }]);
  });

  test('an old origin that does not answer is told again, and given up in the end', async () => {
    const { claims, wishes, clock } = setUpHeir(() => refuse('UNAVAILABLE'));
    let over = false;
    void claims.supersede(await claims.claim(heir)).then(() => (over = true));
    await eventually(() => {
      clock.elapse(500);
      return over ? undefined : 'still trying';
    });
    expect(wishes.length).toBeGreaterThan(1);
  });

  test('of a name that another session holds by now nothing is taken over', async () => {
    const { claims, directory } = setUpHeir(() => refuse('INVALID_STATE'));
    directory.held.set(streamKey(NAME), { epoch: 9, sessionId: 'stranger', nodeId: 'far' });
    await expect(claims.claim(heir)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
  });

  test('without an old origin there is nobody to tell', async () => {
    const { claims, wishes } = setUp();
    const claim = await claims.claim(heir);
    await claims.supersede(claim);
    expect(claim.predecessor).toBeUndefined();
    expect(wishes).toEqual([]);
  });
});
