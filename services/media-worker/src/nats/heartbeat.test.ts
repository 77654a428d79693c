import { expect, test } from 'vitest';
import { SUBJECTS } from '@sluice/nats-kit';
import { NodeState } from '@sluice/proto-gen/common';
import { Heartbeat as Codec } from '@sluice/proto-gen/facts';
import { FakeClock } from '@sluice/testing';
import { Heartbeat } from './heartbeat.js';

function setUp() {
  const clock = new FakeClock();
  const sent: { subject: string; heartbeat: Codec }[] = [];
  const bus = {
    publish: (subject: string, payload: Uint8Array) => {
      sent.push({ subject, heartbeat: Codec.decode(payload) });
      return true;
    },
  };
  const report = {
    nodeId: 'n',
    bootId: 'b',
    region: 'r',
    zone: 'z',
    grpcAddress: 'n:1',
    state: NodeState.NODE_STATE_SERVING,
    load: 0.25,
    routers: [{ routerId: 'core', load: 0.5, sessions: 2 }],
    sessions: 2,
    revision: 7,
    highestEpoch: 9,
  };
  return { clock, sent, report, heartbeat: new Heartbeat(bus, clock, () => report) };
}

test('it beats every second, and at once when asked to, with a number of its own each time', () => {
  const { clock, sent, report, heartbeat } = setUp();
  clock.elapse(2_000);
  heartbeat.beat();
  expect(sent.map((message) => message.heartbeat.sequence)).toEqual([1, 2, 3]);
  expect(sent[2]).toEqual({
    subject: SUBJECTS.heartbeat('n'),
    heartbeat: { ...report, sequence: 3 },
  });
});

test('it stops', () => {
  const { clock, sent, heartbeat } = setUp();
  heartbeat.stop();
  clock.elapse(5_000);
  expect(sent).toEqual([]);
});
