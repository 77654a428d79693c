import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  NAME_MAX_CHARACTERS,
  describeStream,
  fromSubjectToken,
  parseName,
  parseStreamKey,
  streamKey,
  subjectToken,
} from './stream-name.js';

const aText = fc.string({ unit: 'binary', minLength: 1, maxLength: 64 }).filter((text) => {
  return text.length <= NAME_MAX_CHARACTERS && text.isWellFormed();
});
const aName = fc.record({ room: aText, participant: aText, purpose: aText });

describe('a stream’s key', () => {
  test('leads back to its name, whatever characters it has', () => {
    fc.assert(
      fc.property(aName, (name) => {
        expect(parseStreamKey(streamKey(name))).toEqual(name);
      }),
    );
  });

  test('is another’s only if the name is', () => {
    fc.assert(
      fc.property(aName, aName, (one, other) => {
        const sameName = describeEach(one) === describeEach(other);
        expect(streamKey(one) === streamKey(other)).toBe(sameName);
      }),
    );
    const split = { room: 'a.b', participant: 'c', purpose: 'd' };
    expect(streamKey(split)).not.toBe(streamKey({ ...split, room: 'a', participant: 'b.c' }));
  });

  test('is legal as a NATS subject and fits into one', () => {
    fc.assert(
      fc.property(aName, (name) => {
        expect(streamKey(name)).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
      }),
    );
    const longest = '\u{ffff}'.repeat(NAME_MAX_CHARACTERS);
    const name = { room: longest, participant: longest, purpose: longest };
    expect(streamKey(name).length).toBeLessThan(2_048);
  });

  test('is not made of what has not three parts', () => {
    for (const key of ['', 'YQ', 'YQ.YQ', 'YQ.YQ.YQ.YQ', '..', 'YQ..YQ']) {
      expect(parseStreamKey(key)).toBeUndefined();
    }
  });
});

const describeEach = (name: object) => JSON.stringify(Object.values(name));

test('any text is one subject token and comes back from it', () => {
  fc.assert(
    fc.property(aText, (text) => {
      expect(subjectToken(text)).toMatch(/^[\w-]+$/);
      expect(fromSubjectToken(subjectToken(text))).toBe(text);
    }),
  );
});

describe('a name', () => {
  test('of printable text is taken as it is', () => {
    for (const text of ['a', 'Küche', ' ', '💧', 'a/b c.*>', 'x'.repeat(NAME_MAX_CHARACTERS)]) {
      expect(parseName('room', text)).toBe(text);
    }
  });

  test.each([
    ['empty', ''],
    ['too long', 'x'.repeat(NAME_MAX_CHARACTERS + 1)],
    ['with a control character', 'a\u0000b'],
    ['with a line break', 'a\nb'],
    ['with a lone surrogate', 'a\ud83d'],
  ])('that is %s is refused', (_what, text) => {
    expect(() => parseName('room', text)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', details: { noun: 'room' } }) as Error,
    );
  });
});

test('people read a stream’s name in three parts', () => {
  const name = { room: 'kitchen', participant: 'ann', purpose: 'screen' };
  expect(describeStream(name)).toBe('kitchen / ann / screen');
});
