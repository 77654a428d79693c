import { expect, test } from 'vitest';
import { Whereabouts } from './whereabouts.js';

test('a node has a key for as long as it has one of its kind', () => {
  const whereabouts = new Whereabouts<string, string>();
  whereabouts.add('room', 'a');
  whereabouts.add('room', 'b');
  whereabouts.add('room', 'a');
  whereabouts.remove('room', 'a');
  expect([...whereabouts.of('room')]).toEqual(['a', 'b']);
  whereabouts.remove('room', 'a');
  whereabouts.remove('room', 'a');
  expect([...whereabouts.of('room')]).toEqual(['b']);
  whereabouts.remove('room', 'b');
  expect([...whereabouts.of('room')]).toEqual([]);
});
