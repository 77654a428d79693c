import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allowedRegionsOf, isAllowed, parseRoomRegions } from './room-regions.js';

function allowed(room: string, text: string): 'any' | string[] {
  const regions = allowedRegionsOf(room, parseRoomRegions(text).rules ?? []);
  return regions === 'any' ? 'any' : [...regions];
}

describe('a room may live', () => {
  const rules = ' eu-* = eu-west, eu-north ; *-us-*=us; board=*; *=asia';

  test('where the first rule that matches its name says', () => {
    expect(allowed('eu-kitchen', rules)).toEqual(['eu-west', 'eu-north']);
    expect(allowed('eu-us-x', rules)).toEqual(['eu-west', 'eu-north']);
    expect(allowed('the-us-board', rules)).toEqual(['us']);
    expect(allowed('board', rules)).toBe('any');
    expect(allowed('boards', rules)).toEqual(['asia']);
    expect(allowed('', rules)).toEqual(['asia']);
  });

  test('anywhere when no rule matches it', () => {
    expect(allowed('us-kitchen', 'eu-*=eu')).toBe('any');
    expect(allowed('kitchen', '')).toBe('any');
  });

  test('nowhere else', () => {
    const regions = allowedRegionsOf('eu-1', parseRoomRegions('eu-*=eu').rules ?? []);
    expect(isAllowed('eu', regions)).toBe(true);
    expect(isAllowed('us', regions)).toBe(false);
    expect(isAllowed('', regions)).toBe(false);
  });
});

test.each(['eu-*', 'a=b=c', '=eu', 'a=', 'a=eu,', 'a=eu,*'])('%s is refused', (text) => {
  expect(parseRoomRegions(text).problem).toBeDefined();
});

test('a pattern matches as the same regular expression would', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 });
  const names = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 });
  fc.assert(
    fc.property(letters, names, (rooms, room) => {
      const expected = new RegExp(`^${rooms.replaceAll('*', '.*')}$`).test(room);
      const regions = allowedRegionsOf(room, [{ rooms, regions: new Set(['eu']) }]);
      expect(regions !== 'any').toBe(expected);
    }),
    { numRuns: 2_000 },
  );
});
