import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Sealer, relayTickets, resumeTokens, serialOf, type RelayTicket } from './sealed.js';

const SECRET = 'a cluster secret of at least 32 characters';

const ticket: RelayTicket = {
  streamKey: 'a.b.c',
  epoch: 3,
  parentRouterId: 'p',
  pullerNodeId: 'n',
  pullerBootId: 'b',
  pullerRouterId: 'r',
};

describe('sealed content', () => {
  test('opens to what was sealed', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (content) => {
        const sealer = new Sealer<object>('test', SECRET);
        const opened = sealer.open(sealer.seal(content));
        expect(JSON.stringify(opened)).toBe(JSON.stringify(content));
      }),
    );
  });

  test('any changed character is noticed', () => {
    const sealed = relayTickets(SECRET).seal(ticket);
    const bodyLength = sealed.lastIndexOf('.');
    fc.assert(
      fc.property(
        fc.nat(bodyLength - 1),
        fc.constantFrom('A', 'B', 'x', 'z', '0', '9', '-', '_', '.'),
        (at, character) => {
          fc.pre(sealed[at] !== character);
          const changed = sealed.slice(0, at) + character + sealed.slice(at + 1);
          expect(() => relayTickets(SECRET).open(changed)).toThrow('not a valid relay ticket');
        },
      ),
    );
  });

  test('one purpose’s seal is worth nothing for another, nor another cluster’s for ours', () => {
    const sealed = relayTickets(SECRET).seal(ticket);
    expect(() => resumeTokens(SECRET).open(sealed)).toThrow('not a valid resume token');
    expect(() => relayTickets(`${SECRET}!`).open(sealed)).toThrow('not a valid relay ticket');
    expect(relayTickets(SECRET).open(sealed)).toEqual(ticket);
  });

  test.each(['', '.', 'a', 'a.b', '..', 'e30.', '.AAAA', 'e30.e30.e30', '\u0000', '🦆.🦆'])(
    'what nobody sealed is refused: %j',
    (forged) => {
      expect(() => resumeTokens(SECRET).open(forged)).toThrow('not a valid resume token');
    },
  );

  test('two sealings of the same content differ in their serial, which is sealed as well', () => {
    const [one, two] = [relayTickets(SECRET).seal(ticket), relayTickets(SECRET).seal(ticket)];
    expect(serialOf(one)).not.toBe(serialOf(two));
    const swapped = serialOf(two) + one.slice(serialOf(one).length);
    expect(() => relayTickets(SECRET).open(swapped)).toThrow('not a valid relay ticket');
  });

  test('something appended to a seal is refused', () => {
    const sealed = relayTickets(SECRET).seal(ticket);
    expect(() => relayTickets(SECRET).open(`${sealed}.x`)).toThrow('not a valid relay ticket');
  });
});
