import { beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '@sluice/testing';
import { RoomDoors, type Attendance, type RoomRecord } from './room-doors.js';
import { LOCK_KEPT_MS, RoomSweep } from './room-sweep.js';

/** A bucket that both the doors and the sweep see. */
class MemoryRecords {
  readonly records = new Map<string, { record: RoomRecord; revision: number }>();
  #revision = 0;
  /** Runs right before the next removal, as another replica would. */
  beforeRemoval: (() => Promise<void>) | undefined;

  isLocked(room: string): boolean {
    return this.records.get(room)?.record.locked ?? false;
  }

  read(room: string) {
    return Promise.resolve(this.records.get(room) ?? { record: undefined, revision: 0 });
  }

  write(room: string, record: RoomRecord, revision: number): Promise<boolean> {
    if ((this.records.get(room)?.revision ?? 0) !== revision) return Promise.resolve(false);
    this.#revision += 1;
    this.records.set(room, { record, revision: this.#revision });
    return Promise.resolve(true);
  }

  all() {
    return [...this.records].map(([room, { record, revision }]) => ({
      room,
      locked: record.locked,
      revision,
    }));
  }

  async remove(room: string, revision: number): Promise<void> {
    await this.beforeRemoval?.();
    this.beforeRemoval = undefined;
    if (this.records.get(room)?.revision === revision) this.records.delete(room);
  }
}

let records: MemoryRecords;
let clock: FakeClock;
let there: Attendance[];
let heardMs: number;
let doors: RoomDoors;
let sweep: RoomSweep;

beforeEach(() => {
  records = new MemoryRecords();
  clock = new FakeClock();
  there = [];
  heardMs = 600_000;
  const attendances = () => Promise.resolve(there);
  doors = new RoomDoors({ records, attendances, participantsMax: 1, clock });
  const onTrouble = (error: unknown) => {
    throw error;
  };
  sweep = new RoomSweep({ records, attendances, hearingMs: () => heardMs, clock, onTrouble });
});

const enters = (participant: string) => doors.admit({ room: 'blue', participant });

describe('the record of a room', () => {
  test('goes a minute after the last one has left', async () => {
    await enters('ann');
    there = [{ participant: 'ann', connectionId: 'a', present: true }];
    await sweep.sweep();
    clock.elapse(600_000);
    await sweep.sweep();
    expect(records.records.size).toBe(1);
    there = [];
    await sweep.sweep();
    clock.elapse(59_000);
    await sweep.sweep();
    expect(records.records.size).toBe(1);
    clock.elapse(1_000);
    await sweep.sweep();
    expect(records.records.size).toBe(0);
  });

  test('stays an hour when it is locked', async () => {
    await doors.setLocked('blue', true);
    await sweep.sweep();
    clock.elapse(LOCK_KEPT_MS - 1);
    await sweep.sweep();
    await expect(enters('ann')).rejects.toThrow('the room is locked');
    clock.elapse(1);
    await sweep.sweep();
    await enters('ann');
  });

  test.each([['unlocked'], ['locked']])(
    'stays when somebody who is in it comes while it is being removed: %s',
    async (how) => {
      await enters('ann');
      if (how === 'locked') await doors.setLocked('blue', true);
      await sweep.sweep();
      clock.elapse(LOCK_KEPT_MS);
      records.beforeRemoval = () => enters('ann');
      await sweep.sweep();
      expect(records.records.get('blue')?.record.members).toEqual(['ann']);
      await expect(enters('ben')).rejects.toThrow(how === 'locked' ? 'locked' : 'full');
    },
  );

  test('is not judged by who was cut off', async () => {
    await enters('ann');
    await sweep.sweep();
    clock.elapse(120_000);
    heardMs = 5_000;
    await sweep.sweep();
    heardMs = 600_000;
    await sweep.sweep();
    expect(records.records.size).toBe(1);
  });
});
