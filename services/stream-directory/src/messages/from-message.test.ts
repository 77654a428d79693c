import { describe, expect, test } from 'vitest';
import { NodeState } from '@sluice/proto-gen/common';
import { Fact as FactMessage, Heartbeat as HeartbeatMessage } from '@sluice/proto-gen/facts';
import { toFact, toHeartbeat, toNodeTruth, toRouterRef, toStreamName } from './from-message.js';

const beacon = {
  ip: '127.0.0.1',
  port: 40_000,
  iceUsernameFragment: 'fragment',
  icePassword: 'password',
};

const heartbeat: HeartbeatMessage = {
  nodeId: 'a',
  bootId: 'b',
  sequence: 1,
  region: '',
  zone: '',
  grpcAddress: 'a:1',
  state: NodeState.NODE_STATE_SERVING,
  load: 0.5,
  routers: [{ routerId: 'r', load: 0.5, sessions: 1, beacon }],
  sessions: 1,
  revision: 2,
  highestEpoch: 3,
  drainRemainingMs: 1_500,
};

describe('what a node says is refused', () => {
  const malformed: [string, () => unknown][] = [
    ['an id with a dot', () => toHeartbeat({ ...heartbeat, nodeId: 'a.b' })],
    ['no boot', () => toHeartbeat({ ...heartbeat, bootId: '' })],
    [
      'an epoch that would use up the numbers',
      () => toHeartbeat({ ...heartbeat, highestEpoch: 2 ** 50 }),
    ],
    ['an endless region', () => toHeartbeat({ ...heartbeat, region: 'x'.repeat(1_000) })],
    ...[{ ip: 'example.org' }, { port: 0 }, { port: 70_000 }, { icePassword: '' }].map(
      (over): [string, () => unknown] => [
        `a beacon with ${JSON.stringify(over)}`,
        () =>
          toHeartbeat({
            ...heartbeat,
            routers: [{ routerId: 'r', load: 0, sessions: 0, beacon: { ...beacon, ...over } }],
          }),
      ],
    ),
    [
      'a router without an address',
      () => toRouterRef({ nodeId: 'a', bootId: 'b', routerId: 'r', grpcAddress: '' }),
    ],
    ['a stream without a name', () => toStreamName(undefined)],
    ['an empty room', () => toStreamName({ room: '', participant: 'p', purpose: 'x' })],
    [
      'a fact about nothing',
      () =>
        toFact({
          nodeId: 'a',
          bootId: 'b',
          revision: 1,
          fact: { $case: 'sessionOpened', value: {} },
        }),
    ],
    [
      'a truth with a bad stream',
      () =>
        toNodeTruth({
          nodeId: 'a',
          bootId: 'b',
          revision: 1,
          sessions: [],
          streams: [{ name: undefined, epoch: 1, sessionId: 's', routerId: 'r', tracks: [] }],
          relays: [],
          ingests: [],
        }),
    ],
  ];
  test.each(malformed)('when it has %s', (_what, parse) => {
    expect(parse).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error);
  });
});

test('a node in a state that we do not know takes nothing new', () => {
  const state = NodeState.UNRECOGNIZED;
  expect(toHeartbeat({ ...heartbeat, state }).state).toBe('draining');
});

test('a load that is no number counts as full', () => {
  expect(toHeartbeat({ ...heartbeat, load: Number.NaN }).load).toBe(1);
});

test('who speaks is no part of a node’s state', () => {
  const value = { room: 'x', speakers: [] };
  const message = { nodeId: 'a', bootId: 'b', revision: 0 };
  expect(toFact({ ...message, fact: { $case: 'speakersChanged', value } })).toBeUndefined();
  expect(toFact(FactMessage.decode(new Uint8Array()))).toBeUndefined();
});

test('a heartbeat survives its journey', () => {
  const decoded = HeartbeatMessage.decode(HeartbeatMessage.encode(heartbeat).finish());
  expect(toHeartbeat(decoded)).toEqual({
    nodeId: 'a',
    bootId: 'b',
    region: '',
    zone: '',
    grpcAddress: 'a:1',
    state: 'serving',
    load: 0.5,
    routers: [{ routerId: 'r', load: 0.5, sessions: 1 }],
    beacons: [
      { ip: '127.0.0.1', port: 40_000, usernameFragment: 'fragment', password: 'password' },
    ],
    drainRemainingMs: 1_500,
    sessions: 1,
    revision: 2,
    highestEpoch: 3,
  });
});
