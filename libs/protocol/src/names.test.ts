import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  DEFAULT_PURPOSE as CORE_PURPOSE,
  NAME_MAX_CHARACTERS as CORE_MAX,
  parseName,
} from '@sluice/core';
import { DEFAULT_PURPOSE, NAME_MAX_CHARACTERS } from './limits.js';
import { fromWireParticipant, name, participantId, toWireParticipant } from './names.js';

describe('participants on the wire', () => {
  test.each([
    ['0', 0],
    ['42', 42],
    ['9007199254740991', 9_007_199_254_740_991],
    ['9007199254740992', '9007199254740992'],
    ['007', '007'],
    ['-1', '-1'],
    ['+1', '+1'],
    ['1.0', '1.0'],
    ['1e3', '1e3'],
    ['0x10', '0x10'],
    [' 1', ' 1'],
    ['', ''],
    ['Infinity', 'Infinity'],
    ['ann', 'ann'],
  ])('%j is %j', (participant, wire) => {
    expect(toWireParticipant(participant)).toBe(wire);
  });

  test('every name survives the way to the wire and back', () => {
    const names = fc.oneof(fc.string(), fc.bigInt().map(String), fc.double().map(String));
    fc.assert(
      fc.property(names, (participant) => {
        const wire = JSON.parse(JSON.stringify(toWireParticipant(participant))) as string | number;
        expect(fromWireParticipant(wire)).toBe(participant);
      }),
    );
  });

  test('a number and its text are the same participant, other numbers are none', () => {
    expect(participantId.parse(42)).toBe(participantId.parse('42'));
    for (const given of [-1, 1.5, 2 ** 53, Number.NaN, null, {}, ['42'], true]) {
      expect(participantId.safeParse(given).success).toBe(false);
    }
  });
});

describe('names', () => {
  test('are what the rest of the cluster takes for names', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 140 }),
      fc.string({ maxLength: 140, minLength: 120 }),
      fc.constantFrom('', '\u0000', '\ud800', 'a\u007f', '名前', 'x'.repeat(128), 'x'.repeat(129)),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const accepted = () => {
          try {
            parseName('room', text);
            return true;
          } catch {
            // parseName throws for every text that is no name.
            return false;
          }
        };
        expect(name.safeParse(text).success).toBe(accepted());
      }),
      { numRuns: 1_000 },
    );
    expect([DEFAULT_PURPOSE, NAME_MAX_CHARACTERS]).toEqual([CORE_PURPOSE, CORE_MAX]);
  });
});
