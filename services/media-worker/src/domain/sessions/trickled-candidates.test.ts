import type { RemoteCandidate } from '@sluice/sdp';
import { expect, test } from 'vitest';
import { TrickledCandidates } from './trickled-candidates.js';

type Reached = ReturnType<ConstructorParameters<typeof TrickledCandidates>[0]>[number];

const candidate = (port: number) => ({ ip: '10.0.0.1', port, priority: 1 }) as RemoteCandidate;

test('what comes before its PeerConnection is kept for it, and for no other', () => {
  const added: [string, number][] = [];
  const reached: Reached[] = [];
  const trickled = new TrickledCandidates(() => reached, 100);
  const reach = (key: string) => {
    const addCandidate = ({ port }: RemoteCandidate) => added.push([key, port]);
    reached.push({ key, connection: { addCandidate } as unknown as Reached['connection'] });
  };
  trickled.add('a', candidate(1));
  trickled.add('b', candidate(2));
  reach('b');
  trickled.pass('b');
  trickled.add('b', candidate(3));
  reach('a');
  trickled.pass('a');
  trickled.pass('a');
  expect(added).toEqual([
    ['b', 2],
    ['b', 3],
    ['a', 1],
  ]);
});

test('a client that names candidates without end is refused', () => {
  const trickled = new TrickledCandidates(() => [], 3);
  trickled.count(2);
  trickled.count(1);
  expect(() => trickled.count(1)).toThrow('too many ICE candidates');
});
