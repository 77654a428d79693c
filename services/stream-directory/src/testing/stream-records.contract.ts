import { describe, expect, test } from 'vitest';
import { streamKey } from '@sluice/core';
import type { StreamRecords } from '../domain/ports.js';
import type { StreamRecord } from '../domain/streams/stream-record.js';

/** What every kind of stream records must show; run against the one in memory and the one in NATS. */
export function streamRecordsContract(
  kind: string,
  open: () => Promise<StreamRecords> | StreamRecords,
): void {
  const key = streamKey({ room: 'kitchen', participant: 'ann', purpose: 'screen' });
  const aRecord = (epoch: number): StreamRecord => ({
    state: 'held',
    epoch,
    origin: { nodeId: 'a', bootId: 'b', routerId: 'r', grpcAddress: 'a:1' },
    sessionId: 's',
  });

  describe(`stream records in ${kind}`, () => {
    test('what was never written is not there, at revision 0', async () => {
      const records = await open();
      expect(await records.read(key)).toEqual({ record: undefined, revision: 0 });
      expect(records.find(key)).toBeUndefined();
    });

    test('what was written is read, and found at once in the local copy', async () => {
      const records = await open();
      expect(await records.write(key, aRecord(3), 0)).toBe('written');
      expect((await records.read(key)).record).toEqual(aRecord(3));
      expect(records.find(key)?.record).toEqual(aRecord(3));
      expect([...records.ofRoom('kitchen')].map(([found]) => found)).toEqual([key]);
      expect([...records.ofRoom('bath')]).toEqual([]);
      expect(records.highestEpoch).toBe(3);
    });

    test('of two writes over the same revision only one is done', async () => {
      const records = await open();
      const outcomes = await Promise.all([
        records.write(key, aRecord(1), 0),
        records.write(key, aRecord(2), 0),
      ]);
      expect(outcomes.sort()).toEqual(['conflict', 'written']);
      const { revision } = await records.read(key);
      expect(await records.write(key, aRecord(9), revision + 1)).toBe('conflict');
      expect(await records.write(key, aRecord(9), revision)).toBe('written');
    });

    test('a record is removed at its revision only, and can be made again', async () => {
      const records = await open();
      await records.write(key, aRecord(1), 0);
      const { revision } = await records.read(key);
      await records.write(key, aRecord(2), revision);
      await records.remove(key, revision);
      const current = await records.read(key);
      expect(current.record?.epoch).toBe(2);
      await records.remove(key, current.revision);
      expect(await records.read(key)).toEqual({ record: undefined, revision: 0 });
      expect(records.find(key)).toBeUndefined();
      expect(await records.write(key, aRecord(3), 0)).toBe('written');
    });

    test('the epoch floor only rises', async () => {
      const records = await open();
      expect(await records.readEpochFloor()).toBe(0);
      await Promise.all([5, 7, 6].map((epoch) => records.raiseEpochFloor(epoch)));
      await records.raiseEpochFloor(2);
      expect(await records.readEpochFloor()).toBe(7);
    });
  });
}
