import { describe, expect, test } from 'vitest';
import { FakeClock } from '@sluice/testing';
import { RoomDoors, type RoomRecord, type RoomRecords } from './room-doors.js';

/** One bucket that all replicas share. */
class MemoryRecords implements RoomRecords {
  readonly #records = new Map<string, { record: RoomRecord; revision: number }>();

  isLocked(room: string): boolean {
    return this.#records.get(room)?.record.locked ?? false;
  }

  async read(room: string) {
    await Promise.resolve();
    return this.#records.get(room) ?? { record: undefined, revision: 0 };
  }

  async write(room: string, record: RoomRecord, revision: number): Promise<boolean> {
    await Promise.resolve();
    if ((this.#records.get(room)?.revision ?? 0) !== revision) return false;
    this.#records.set(room, { record, revision: revision + 1 });
    return true;
  }
}

function replicas(participantsMax: number) {
  const records = new MemoryRecords();
  const clock = new FakeClock();
  const present = new Set<string>();
  const open = () =>
    new RoomDoors({
      records,
      clock,
      participantsMax,
      present: () => Promise.resolve(new Set(present)),
    });
  return { one: open(), other: open(), present, clock };
}

const FULL = { code: 'CAPACITY_EXHAUSTED', message: 'the room is full' };
const LOCKED = { code: 'PERMISSION_DENIED', message: 'the room is locked' };

describe('a room of two', () => {
  test('takes two of many who come at once through two replicas', async () => {
    const { one, other } = replicas(2);
    const comers = Array.from({ length: 10 }, (_, index) =>
      (index % 2 === 0 ? one : other).admit('room', `p${String(index)}`),
    );
    const outcomes = await Promise.allSettled(comers);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject(FULL);
    }
  });

  test('takes who is in it again, and the next once somebody has left', async () => {
    const { one, other, present } = replicas(2);
    await one.admit('room', 'ann');
    await one.admit('room', 'ben');
    present.add('ann').add('ben');
    await other.admit('room', 'ann');
    await expect(other.admit('room', 'cora')).rejects.toMatchObject(FULL);
    present.delete('ben');
    await other.admit('room', 'cora');
    await expect(one.admit('elsewhere', 'dora')).resolves.toBeUndefined();
  });

  test('does not keep a place for long for who never came', async () => {
    const { one, other, clock } = replicas(1);
    await one.admit('room', 'ann');
    await expect(other.admit('room', 'ben')).rejects.toMatchObject(FULL);
    clock.elapse(10_000);
    await other.admit('room', 'ben');
  });
});

describe('a locked room', () => {
  test('takes those who were in it, even when they are not to be seen now', async () => {
    const { one, other, present, clock } = replicas(0);
    present.add('ann').add('ben');
    await one.setLocked('room', true);
    await expect(other.admit('room', 'cora')).rejects.toMatchObject(LOCKED);
    present.clear();
    clock.elapse(60_000);
    await other.admit('room', 'ann');
    await one.forget('room', 'ben');
    await expect(other.admit('room', 'ben')).rejects.toMatchObject(LOCKED);
    await other.setLocked('room', false);
    await one.admit('room', 'cora');
  });
});
