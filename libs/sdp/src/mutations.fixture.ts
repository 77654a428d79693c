import { readFileSync, readdirSync } from 'node:fs';
import fc from 'fast-check';

/** Offers that real implementations have made, and some shaped after their descriptions. */
export const CORPUS = new URL('../test/corpus/', import.meta.url);
export const OFFERS = readdirSync(CORPUS).map((name) =>
  readFileSync(new URL(name, CORPUS), 'utf8'),
);

/** Values that have hurt parsers before. */
const NASTY = [
  '',
  '0',
  '-1',
  '127',
  '128',
  '255',
  '4294967295',
  '4294967296',
  '99999999999999999999',
  '1e999',
  'NaN',
  'Infinity',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  '*',
  '~',
  ';',
  '=',
  ' ',
  '\0',
  '\t',
  '\r',
  '\u{1F3A5}',
  '\ud800',
  '%s%n',
  'a'.repeat(300),
];

export const nasty = fc.oneof(fc.constantFrom(...NASTY), fc.string({ maxLength: 20 }));

export type Mutation = (lines: string[]) => string[];

export const at = fc.nat({ max: 400 });

export const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  at.map(
    (index): Mutation =>
      (lines) =>
        lines.toSpliced(index % lines.length, 1),
  ),
  fc.tuple(at, at).map(
    ([from, to]): Mutation =>
      (lines) =>
        lines.toSpliced(to % lines.length, 0, lines[from % lines.length] ?? ''),
  ),
  fc.tuple(at, nasty).map(
    ([index, text]): Mutation =>
      (lines) =>
        lines.toSpliced(index % lines.length, 0, `a=${text}`),
  ),
  // One word of a line becomes another.
  fc.tuple(at, at, nasty).map(
    ([index, word, text]): Mutation =>
      (lines) =>
        lines.with(
          index % lines.length,
          replaceWord(lines[index % lines.length] ?? '', word, text),
        ),
  ),
  // One character of a line becomes another.
  fc
    .tuple(at, at, fc.string({ minLength: 0, maxLength: 2 }))
    .map(([index, char, text]): Mutation => (lines) => {
      const line = lines[index % lines.length] ?? '';
      const where = char % (line.length + 1);
      return lines.with(index % lines.length, line.slice(0, where) + text + line.slice(where + 1));
    }),
  at.map(
    (index): Mutation =>
      (lines) =>
        lines.slice(0, index),
  ),
);

export function replaceWord(line: string, word: number, text: string): string {
  const words = line.split(/([ :;=,/])/);
  return words.with(word % words.length, text).join('');
}

/** An offer of the corpus that has gone wrong. */
export const mutated = fc
  .tuple(fc.constantFrom(...OFFERS), fc.array(mutation, { minLength: 1, maxLength: 6 }))
  .map(([offer, mutations]) => mutate(offer, mutations));

export function mutate(sdp: string, mutations: readonly Mutation[]): string {
  return mutations
    .reduce((lines, one) => (lines.length > 0 ? one(lines) : lines), sdp.split('\r\n'))
    .join('\r\n');
}
