import { expect, test } from 'vitest';
import { streamKey } from './stream-key.js';
import { ownersOf, streamIdOf } from './stream-owner.js';

const alice = { key: streamKey('alice', 'm.usermedia'), streamId: 'demo-alice-m.usermedia' };
const bob = { key: streamKey('bob b', 'm.usermedia'), streamId: 'demo-bob b-m.usermedia' };
const carol = { key: streamKey(7, 'm.screenshare'), streamId: 'demo-7-m.screenshare' };

const track = (mid: string, streamId: string) => ({ mid, streamId });

test('a stream is expected under its names, without white space', () => {
  const name = { publisherId: 42, purpose: 'm.usermedia' };
  expect(streamIdOf('Büro 7\u2003a', name)).toBe('Büro%207%E2%80%83a-42-m.usermedia');
});

test('a stream spelt as expected is found whoever caused the offer', () => {
  const owners = ownersOf([track('0', alice.streamId), track('1', carol.streamId)], {
    expected: [alice, bob, carol],
    settled: new Map(),
    offered: bob.key,
  });
  expect(owners).toEqual(
    new Map([
      [alice.streamId, alice.key],
      [carol.streamId, carol.key],
    ]),
  );
});

test('a name that an SDP cannot spell belongs to the stream that caused the offer', () => {
  const owners = ownersOf([track('0', alice.streamId), track('1', 'demo-bob_b-m.usermedia')], {
    expected: [carol, bob, alice],
    settled: new Map(),
    offered: bob.key,
  });
  expect(owners.get('demo-bob_b-m.usermedia')).toBe(bob.key);
});

test('what an earlier offer settled stays when another stream causes the next one', () => {
  const settled = new Map([['odd', bob.key]]);
  const tracks = [track('0', 'odd'), track('1', 'odd'), track('2', carol.streamId)];
  const owners = ownersOf(tracks, { expected: [bob, carol], settled, offered: carol.key });
  expect(owners.get('odd')).toBe(bob.key);
  expect(owners.get(carol.streamId)).toBe(carol.key);
});

test('an id that nobody is left to own has no owner', () => {
  const owners = ownersOf([track('0', alice.streamId), track('1', 'ghost')], {
    expected: [alice],
    settled: new Map(),
    offered: alice.key,
  });
  expect(owners.has('ghost')).toBe(false);
});
