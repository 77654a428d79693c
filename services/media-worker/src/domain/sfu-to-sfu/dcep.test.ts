import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DCEP_ACK, dcepLabel, dcepOpen } from './dcep.js';

test('a label comes back as it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (label) => {
      expect(dcepLabel(dcepOpen(label))).toBe(label);
    }),
  );
});

test('is laid out as RFC 8832 says', () => {
  expect(dcepOpen('signaling').toString('hex')).toBe(
    `030000000000000000090000${Buffer.from('signaling').toString('hex')}`,
  );
});

test('anything else has no label', () => {
  expect(dcepLabel(DCEP_ACK)).toBeUndefined();
  expect(dcepLabel(Buffer.alloc(0))).toBeUndefined();
  expect(dcepLabel(dcepOpen('signaling').subarray(0, 15))).toBeUndefined();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const label = dcepLabel(Buffer.from(bytes));
      expect(label === undefined || bytes[0] === 3).toBe(true);
    }),
  );
});
