import { expect, test } from 'vitest';
import { SUBJECTS } from '@sluice/nats-kit';
import { Fact } from '@sluice/proto-gen/facts';
import { Facts } from './facts.js';

const SESSION = {
  sessionId: 's',
  room: 'a room',
  participant: 'anna',
  username: 'Anna',
  connectionId: 'c',
  attached: false,
  present: true,
  routerId: 'r',
};
const ROUTER = { nodeId: 'n', bootId: 'b', routerId: 'r', grpcAddress: 'n:1' };
const NAME = { room: 'a room', participant: 'anna', purpose: 'cam' };

function setUp(connected = true) {
  const sent: { subject: string; fact: Fact }[] = [];
  const bus = {
    publish: (subject: string, payload: Uint8Array) => {
      if (connected) sent.push({ subject, fact: Fact.decode(payload) });
      return connected;
    },
  };
  const facts = new Facts(bus, { nodeId: 'n', bootId: 'b', grpcAddress: 'n:1' });
  return { facts, sent };
}

test('each fact has the next revision, over all subjects', () => {
  const { facts, sent } = setUp();
  facts.sessionOpened(SESSION);
  facts.relayOpened({ stream: NAME, epoch: 1, from: ROUTER, to: ROUTER });
  facts.streamEnded(NAME, 1);
  expect(sent.map(({ fact }) => fact.revision)).toEqual([1, 2, 3]);
  expect(sent.map(({ subject }) => subject)).toEqual([
    SUBJECTS.roomFact('a room', 'n'),
    SUBJECTS.nodeFact('n'),
    SUBJECTS.roomFact('a room', 'n'),
  ]);
  expect(facts.revision).toBe(3);
});

test('a fact that is lost leaves a gap', () => {
  const { facts, sent } = setUp(false);
  facts.sessionClosed(SESSION, 'left');
  expect(sent).toEqual([]);
  expect(facts.revision).toBe(1);
});

test('who speaks is no part of the node’s state', () => {
  const { facts, sent } = setUp();
  facts.speakersChanged('a room', [{ participant: 'anna', volume: -20 }]);
  expect(sent[0]?.fact).toMatchObject({ revision: 0, nodeId: 'n', bootId: 'b' });
  expect(facts.revision).toBe(0);
});
