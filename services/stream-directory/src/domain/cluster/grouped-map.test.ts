import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GroupedMap } from './grouped-map.js';

test('its groups always hold exactly its entries', () => {
  const aStep = fc.record({
    key: fc.nat(5),
    group: fc.constantFrom('x', 'y', undefined),
    value: fc.nat(),
  });
  fc.assert(
    fc.property(fc.array(aStep), (steps) => {
      const map = new GroupedMap<number, number>();
      const model = new Map<number, { group: string; value: number }>();
      for (const { key, group, value } of steps) {
        if (group === undefined) {
          map.delete(key);
          model.delete(key);
        } else {
          map.set(key, group, value);
          model.set(key, { group, value });
        }
      }
      expect(map.size).toBe(model.size);
      for (const group of ['x', 'y']) {
        const expected = [...model.values()].filter((entry) => entry.group === group);
        expect([...map.inGroup(group)].sort()).toEqual(expected.map(({ value }) => value).sort());
      }
    }),
  );
});
