import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { streamKey } from '@sluice/core';
import { FakeClock } from '@sluice/testing';
import { CAMERA, aHeartbeat, aRouter, aSession, aStream, aTruth } from '../../testing/a-cluster.js';
import { ClusterView } from './cluster-view.js';
import type { Change } from './facts.js';

function aView() {
  const clock = new FakeClock();
  const behind: string[] = [];
  const ended: string[] = [];
  const view = new ClusterView(clock, {
    onBehind: ({ nodeId }) => behind.push(nodeId),
    onEnded: ({ bootId }) => ended.push(bootId),
  });
  const tell = (nodeId: string, revision: number, change: Change, bootId = `boot-of-${nodeId}`) =>
    view.hearFact({ nodeId, bootId, revision, change });
  const sessions = (room?: string) =>
    [...view.sessions(room)].map(({ session }) => session.sessionId).sort();
  return { clock, behind, ended, view, tell, sessions };
}

const kept = (sessionId: string, room = 'kitchen'): Change => ({
  type: 'session kept',
  session: aSession(sessionId, { room }),
});

describe('facts', () => {
  test('in order are applied as they come', () => {
    const { view, tell, sessions, behind } = aView();
    view.hearHeartbeat(aHeartbeat('a'));
    tell('a', 1, kept('s1'));
    tell('a', 2, kept('s2', 'bath'));
    tell('a', 3, { type: 'session closed', sessionId: 's1' });
    expect(sessions()).toEqual(['s2']);
    expect(sessions('kitchen')).toEqual([]);
    expect(sessions('bath')).toEqual(['s2']);
    expect(behind).toEqual([]);
  });

  test('after a gap wait until the truth was read, and none is lost', () => {
    const { view, tell, sessions, behind } = aView();
    view.hearHeartbeat(aHeartbeat('a'));
    tell('a', 1, kept('s1'));
    tell('a', 4, kept('s4'));
    tell('a', 3, kept('s3'));
    expect(sessions()).toEqual(['s1']);
    expect(behind).toContain('a');

    const truth = aTruth('a', { revision: 2, sessions: [aSession('s1'), aSession('s2')] });
    view.hearTruth(truth);
    expect(sessions()).toEqual(['s1', 's2', 's3', 's4']);
    expect(view.find('a', 'boot-of-a')?.behind).toBe(false);
  });

  test('twice count once', () => {
    const { view, tell, sessions, behind } = aView();
    view.hearHeartbeat(aHeartbeat('a'));
    tell('a', 1, kept('s1'));
    tell('a', 2, { type: 'session closed', sessionId: 's1' });
    tell('a', 1, kept('s1'));
    expect(sessions()).toEqual([]);
    expect(behind).toEqual([]);
  });

  test('missed are noticed by the next heartbeat', () => {
    const { view, behind } = aView();
    view.hearHeartbeat(aHeartbeat('a'));
    view.hearHeartbeat(aHeartbeat('a', { revision: 3 }));
    expect(behind).toEqual(['a']);
  });

  test('an old truth that comes late changes nothing', () => {
    const { view, tell, sessions } = aView();
    view.hearHeartbeat(aHeartbeat('a'));
    tell('a', 1, kept('s1'));
    tell('a', 2, kept('s2'));
    view.hearTruth(aTruth('a', { revision: 1, sessions: [aSession('s1')] }));
    expect(sessions()).toEqual(['s1', 's2']);
  });

  test('however they are lost, doubled and mixed up, the view ends as the node is', () => {
    const aChange = fc.tuple(fc.boolean(), fc.nat(5));
    fc.assert(
      fc.property(
        fc.array(aChange, { minLength: 1, maxLength: 40 }),
        fc.array(fc.nat(60), { maxLength: 80 }),
        fc.nat(40),
        (changes, heard, readAt) => {
          const { view, tell, sessions } = aView();
          view.hearHeartbeat(aHeartbeat('a'));
          const truthAt = (revision: number) => {
            const alive = new Set<string>();
            for (const [opened, id] of changes.slice(0, revision)) {
              if (opened) alive.add(`s${id}`);
              else alive.delete(`s${id}`);
            }
            return aTruth('a', { revision, sessions: [...alive].map((id) => aSession(id)) });
          };
          const tellOne = (index: number) => {
            const change = changes[index];
            if (!change) return;
            const [opened, id] = change;
            const closed: Change = { type: 'session closed', sessionId: `s${id}` };
            tell('a', index + 1, opened ? kept(`s${id}`) : closed);
          };
          heard.forEach((index, turn) => {
            if (turn === readAt) view.hearTruth(truthAt(Math.min(index, changes.length)));
            tellOne(index);
          });
          view.hearHeartbeat(aHeartbeat('a', { revision: changes.length }));
          const node = view.find('a', 'boot-of-a')!;
          const truth = truthAt(changes.length);
          if (node.behind) view.hearTruth(truth);
          expect(node.behind).toBe(false);
          expect(sessions()).toEqual(truth.sessions.map(({ sessionId }) => sessionId).sort());
        },
      ),
    );
  });
});

describe('a node’s new boot', () => {
  test('replaces everything of the old one, and the old one is not listened to any more', () => {
    const { view, tell, sessions, ended } = aView();
    view.hearHeartbeat(aHeartbeat('a'));
    tell('a', 1, kept('s1'));
    view.hearHeartbeat(aHeartbeat('a', { bootId: 'second' }));
    expect(sessions()).toEqual([]);
    expect(ended).toEqual(['boot-of-a']);
    tell('a', 2, kept('s2'));
    view.hearHeartbeat(aHeartbeat('a'));
    view.hearTruth(aTruth('a', { revision: 9, sessions: [aSession('s9')] }));
    expect(sessions()).toEqual([]);
    expect([...view.nodes()].map(({ bootId }) => bootId)).toEqual(['second']);
    expect(view.hasEnded('a', 'boot-of-a')).toBe(true);
    expect(view.hasEnded('a', 'second')).toBe(false);
  });

  test('a lost boot that beats again stays out until it is let in', () => {
    const { view } = aView();
    view.hearHeartbeat(aHeartbeat('a'));
    view.lose(view.find('a', 'boot-of-a')!);
    expect([...view.nodes()]).toEqual([]);
    expect(view.hasEnded('a', 'boot-of-a')).toBe(true);
    view.hearHeartbeat(aHeartbeat('a'));
    expect(view.hasEnded('a', 'boot-of-a')).toBe(true);
    view.readmit(aHeartbeat('a'), aTruth('a', { bootId: 'another' }));
    expect(view.find('a', 'boot-of-a')).toBeUndefined();
    view.readmit(aHeartbeat('a'), aTruth('a'));
    expect(view.hasEnded('a', 'boot-of-a')).toBe(false);
    expect(view.find('a', 'boot-of-a')).toBeDefined();
  });
});

describe('streams and relays', () => {
  const relay = { stream: CAMERA, epoch: 3, from: aRouter('a'), to: aRouter('b') };

  test('of two origins the later one is the stream’s', () => {
    const { view, tell } = aView();
    view.hearHeartbeat(aHeartbeat('a'));
    view.hearHeartbeat(aHeartbeat('b'));
    tell('a', 1, { type: 'stream kept', stream: aStream(3) });
    tell('b', 1, { type: 'stream kept', stream: aStream(4) });
    expect(view.findStream(streamKey(CAMERA))?.node.nodeId).toBe('b');
    tell('b', 2, { type: 'stream ended', name: CAMERA, epoch: 3 });
    expect(view.findStream(streamKey(CAMERA))?.node.nodeId).toBe('b');
    tell('b', 3, { type: 'stream ended', name: CAMERA, epoch: 4 });
    expect(view.findStream(streamKey(CAMERA))?.node.nodeId).toBe('a');
    expect(view.highestEpoch).toBe(4);
  });

  test('a relay is listed once, and vanishes with either of its nodes', () => {
    const { view, tell } = aView();
    view.hearHeartbeat(aHeartbeat('a'));
    view.hearHeartbeat(aHeartbeat('b'));
    tell('a', 1, { type: 'relay kept', relay });
    tell('b', 1, { type: 'relay kept', relay });
    expect(view.relays()).toEqual([relay]);
    expect(view.relays(streamKey(CAMERA))).toEqual([relay]);
    view.lose(view.find('a', 'boot-of-a')!);
    expect(view.relays()).toEqual([]);
  });
});

test('silence is counted by our own clock, without the time in which nothing could be heard', () => {
  const { clock, view } = aView();
  view.hearHeartbeat(aHeartbeat('a'));
  const node = view.find('a', 'boot-of-a')!;
  clock.elapse(3_000);
  expect(view.silenceMs(node)).toBe(3_000);
  view.forgive(2_000);
  expect(view.silenceMs(node)).toBe(1_000);
  view.hearHeartbeat(aHeartbeat('a'));
  expect(view.silenceMs(node)).toBe(0);
});
