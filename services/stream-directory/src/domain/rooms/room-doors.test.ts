import { describe, expect, test } from 'vitest';
import { FakeClock } from '@sluice/testing';
import { RoomDoors, type Attendance, type RoomRecord, type RoomRecords } from './room-doors.js';

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
  const sessions: Attendance[] = [];
  const open = () =>
    new RoomDoors({
      records,
      clock,
      participantsMax,
      attendances: () =>
        Promise.resolve([
          ...sessions,
          ...[...present].map((name) => ({
            participant: name,
            connectionId: `of ${name}`,
            present: true,
          })),
        ]),
    });
  return { one: open(), other: open(), present, sessions, clock };
}

const FULL = { code: 'CAPACITY_EXHAUSTED', message: 'the room is full' };
const LOCKED = { code: 'PERMISSION_DENIED', message: 'the room is locked' };

describe('a room of two', () => {
  test('takes two of many who come at once through two replicas', async () => {
    const { one, other } = replicas(2);
    const comers = Array.from({ length: 10 }, (_, index) =>
      (index % 2 === 0 ? one : other).admit({ room: 'room', participant: `p${String(index)}` }),
    );
    const outcomes = await Promise.allSettled(comers);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject(FULL);
    }
  });

  test('takes who is in it again, and the next once somebody has left', async () => {
    const { one, other, present } = replicas(2);
    await one.admit({ room: 'room', participant: 'ann' });
    await one.admit({ room: 'room', participant: 'ben' });
    present.add('ann').add('ben');
    await other.admit({ room: 'room', participant: 'ann' });
    await expect(other.admit({ room: 'room', participant: 'cora' })).rejects.toMatchObject(FULL);
    present.delete('ben');
    await other.admit({ room: 'room', participant: 'cora' });
    await expect(one.admit({ room: 'elsewhere', participant: 'dora' })).resolves.toBeUndefined();
  });

  test('does not keep a place for long for who never came', async () => {
    const { one, other, clock } = replicas(1);
    await one.admit({ room: 'room', participant: 'ann' });
    await expect(other.admit({ room: 'room', participant: 'ben' })).rejects.toMatchObject(FULL);
    clock.elapse(10_000);
    await other.admit({ room: 'room', participant: 'ben' });
  });
});

describe('a locked room', () => {
  test('takes those who were in it, even when they are not to be seen now', async () => {
    const { one, other, present, clock } = replicas(0);
    present.add('ann').add('ben');
    await one.setLocked('room', true);
    await expect(other.admit({ room: 'room', participant: 'cora' })).rejects.toMatchObject(LOCKED);
    present.clear();
    clock.elapse(60_000);
    await other.admit({ room: 'room', participant: 'ann' });
    await one.forget('room', 'ben');
    await expect(other.admit({ room: 'room', participant: 'ben' })).rejects.toMatchObject(LOCKED);
    await other.setLocked('room', false);
    await one.admit({ room: 'room', participant: 'cora' });
  });
});

describe('a connection that watches before it is shown', () => {
  const watching = { participant: 'nobody', connectionId: 'c1', present: false };
  const shown = { participant: 'ann', connectionId: 'c1', present: true };
  const asAnn = { room: 'room', participant: 'ann', connectionId: 'c1' };

  test('takes one place, whatever it is called', async () => {
    const { one, other, present, sessions } = replicas(2);
    present.add('ben');
    await one.admit({ room: 'room', participant: 'nobody', connectionId: 'c1' });
    sessions.push(watching);
    await expect(other.admit({ room: 'room', participant: 'cora' })).rejects.toMatchObject(FULL);
    await other.admit(asAnn);
    sessions.push(shown);
    await expect(one.admit({ room: 'room', participant: 'cora' })).rejects.toMatchObject(FULL);
    // Another one on the same connection is another participant.
    await expect(one.admit({ ...asAnn, participant: 'dora' })).rejects.toMatchObject(FULL);
    present.delete('ben');
  });

  test('may be shown in a room that was locked meanwhile, as one participant', async () => {
    const { one, sessions } = replicas(0);
    sessions.push(watching);
    await one.setLocked('room', true);
    await one.admit(asAnn);
    sessions.push(shown);
    await expect(one.admit({ ...asAnn, participant: 'dora' })).rejects.toMatchObject(LOCKED);
    await expect(
      one.admit({ ...asAnn, connectionId: 'c2', participant: 'eve' }),
    ).rejects.toMatchObject(LOCKED);
    await one.admit({ room: 'room', participant: 'nobody', connectionId: 'c3' });
  });
});

test('a room in which nobody is takes only those who may open it', async () => {
  const { one, present } = replicas(0);
  const guest = { room: 'room', participant: 'guest', mayOpen: false };
  await expect(one.admit(guest)).rejects.toMatchObject({
    code: 'PERMISSION_DENIED',
    message: 'your token does not let you open rooms',
  });
  present.add('ann');
  await one.admit(guest);
});
