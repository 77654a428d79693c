import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RoomFact, RoomSession, RoomStream } from '../ports.js';
import { RETURN_MS, RoomView, SETTLE_MS, type RoomChange } from './room-view.js';

function aSession(participant: string, more: Partial<RoomSession> = {}): RoomSession {
  return {
    sessionId: `${participant}-1`,
    participant,
    username: participant,
    present: true,
    ...more,
  };
}

function aStream(participant: string, more: Partial<RoomStream> = {}): RoomStream {
  return {
    participant,
    purpose: 'camera',
    username: participant,
    epoch: 1,
    sessionId: `${participant}-1`,
    tracks: [],
    ...more,
  };
}

const seen = (session: RoomSession): RoomFact => ({ kind: 'sessionSeen', session });
const closed = (sessionId: string, moved = false): RoomFact => ({
  kind: 'sessionClosed',
  sessionId,
  moved,
});
const published = (stream: RoomStream): RoomFact => ({ kind: 'streamSeen', stream });
const ended = (participant: string, epoch: number): RoomFact => ({
  kind: 'streamEnded',
  participant,
  purpose: 'camera',
  epoch,
});

const kinds = (changes: readonly RoomChange[]) => changes.map(({ kind }) => kind);
const EMPTY = { sessions: [], streams: [] };

describe('facts', () => {
  test('each difference is told once, however often it is heard', () => {
    const view = new RoomView();
    expect(kinds(view.apply(seen(aSession('ann')), 0))).toEqual(['participantJoined']);
    expect(view.apply(seen(aSession('ann')), 1)).toEqual([]);
    expect(kinds(view.apply(published(aStream('ann')), 2))).toEqual(['publisherAdded']);
    expect(view.apply(published(aStream('ann')), 3)).toEqual([]);
    expect(view.apply(ended('ann', 1), 4)).toEqual([]);
    expect(kinds(view.endOverdue(view.nextEndMs!))).toEqual(['publisherRemoved']);
    expect(view.nextEndMs).toBeUndefined();
    expect(view.apply(ended('ann', 1), 305)).toEqual([]);
    expect(kinds(view.apply(closed('ann-1'), 306))).toEqual(['participantLeft']);
    expect(view.apply(closed('ann-1'), 307)).toEqual([]);
  });

  test('a participant is there while any of its sessions is', () => {
    const view = new RoomView();
    view.apply(seen(aSession('ann')), 0);
    expect(view.apply(seen(aSession('ann', { sessionId: 'ann-2' })), 1)).toEqual([]);
    expect(view.apply(closed('ann-1'), 2)).toEqual([]);
    expect(kinds(view.apply(closed('ann-2'), 3))).toEqual(['participantLeft']);
  });

  test('a session without a person is nobody until it is present', () => {
    const view = new RoomView();
    expect(view.apply(seen(aSession('camera-7', { present: false })), 0)).toEqual([]);
    expect(view.participants).toEqual([]);
    expect(kinds(view.apply(seen(aSession('camera-7')), 1))).toEqual(['participantJoined']);
    expect(kinds(view.apply(seen(aSession('camera-7', { present: false })), 2))).toEqual([
      'participantLeft',
    ]);
  });

  test('a stream whose origin moved goes on, whatever order its facts come in', () => {
    const view = new RoomView();
    view.apply(published(aStream('ann', { epoch: 1 })), 0);
    expect(view.apply(published(aStream('ann', { epoch: 2 })), 1)).toEqual([]);
    expect(view.apply(ended('ann', 1), 2)).toEqual([]);
    expect(view.apply(published(aStream('ann', { epoch: 1 })), 3)).toEqual([]);
    expect(kinds(view.apply(ended('ann', 2), 4))).toEqual(['publisherRemoved']);
    expect(view.apply(published(aStream('ann', { epoch: 2 })), 5)).toEqual([]);
    expect(kinds(view.apply(published(aStream('ann', { epoch: 3 })), 6))).toEqual([
      'publisherAdded',
    ]);
  });

  test('a change of tracks keeps the name that only the first fact told', () => {
    const view = new RoomView();
    view.apply(published(aStream('7', { username: 'Seven' })), 0);
    const track = {
      trackId: 'audio',
      kind: 'audio',
      paused: false,
      mimeType: 'audio/opus',
    } as const;
    const changes = view.apply(
      published(aStream('7', { username: undefined, tracks: [track] })),
      1,
    );
    expect(changes).toEqual([
      {
        kind: 'publisherChanged',
        publisher: { participant: '7', username: 'Seven', purpose: 'camera', tracks: [track] },
      },
    ]);
  });

  test('the speakers of all nodes are one list, the loudest first', () => {
    const view = new RoomView();
    view.apply(seen(aSession('ann')), 0);
    const speak = (nodeId: string, speakers: { participant: string; volume: number }[]) =>
      view.apply({ kind: 'speakersChanged', nodeId, speakers }, 0);
    speak('a', [{ participant: 'ann', volume: -40 }]);
    const [change] = speak('b', [
      { participant: 'bob', volume: -20 },
      { participant: 'ann', volume: -50 },
    ]);
    expect(change).toEqual({
      kind: 'speakersChanged',
      speakers: [
        { participant: 'bob', volume: -20 },
        { participant: 'ann', volume: -40 },
      ],
    });
    expect(speak('b', [])).toEqual([
      { kind: 'speakersChanged', speakers: [{ participant: 'ann', volume: -40 }] },
    ]);
  });
});

describe('moves', () => {
  const next = { sessionId: 'ann-2' };

  test('nobody is told of a stream that ends where it was and begins where its publisher moved to', () => {
    const view = new RoomView();
    view.apply(seen(aSession('ann')), 0);
    view.apply(published(aStream('ann')), 0);
    expect(view.apply(seen(aSession('ann', next)), 100)).toEqual([]);
    expect(view.apply(ended('ann', 1), 200)).toEqual([]);
    expect(view.endOverdue(1_000)).toEqual([]);
    expect(view.apply(published(aStream('ann', { ...next, epoch: 2 })), 1_100)).toEqual([]);
    expect(view.apply(closed('ann-1', true), 1_200)).toEqual([]);
    expect(view.endOverdue(60_000)).toEqual([]);
    expect(kinds(view.apply(closed('ann-2'), 60_000))).toEqual(['participantLeft']);
  });

  test('a stream that its publisher does not bring along ends', () => {
    const view = new RoomView();
    view.apply(seen(aSession('ann')), 0);
    view.apply(published(aStream('ann')), 0);
    view.apply(seen(aSession('ann', next)), 100);
    view.apply(ended('ann', 1), 200);
    view.apply(closed('ann-1', true), 200);
    expect(kinds(view.endOverdue(view.nextEndMs!))).toEqual(['publisherRemoved']);
    expect(view.participants).toHaveLength(1);
  });

  test('whose worker died stays for a while with all its streams, and then is gone', () => {
    const view = new RoomView();
    view.apply(seen(aSession('ann')), 0);
    view.apply(published(aStream('ann')), 0);
    view.apply(ended('ann', 1), 100);
    expect(view.apply(closed('ann-1', true), 101)).toEqual([]);
    expect(view.endOverdue(100 + RETURN_MS)).toEqual([]);
    expect(kinds(view.endOverdue(101 + RETURN_MS))).toEqual([
      'publisherRemoved',
      'participantLeft',
    ]);
  });

  test('the speakers of a lost node are silent', () => {
    const view = new RoomView();
    const lost = { kind: 'nodeLost', nodeId: 'a', bootId: 'b' } as const;
    expect(view.apply(lost, 0)).toEqual([]);
    const speakers = [{ participant: 'ann', volume: -40 }];
    view.apply({ kind: 'speakersChanged', nodeId: 'a', speakers }, 0);
    expect(view.apply(lost, 1)).toEqual([{ kind: 'speakersChanged', speakers: [] }]);
  });
});

describe('snapshots', () => {
  test('one that is older than a fact takes nothing away and brings nothing back', () => {
    const view = new RoomView();
    view.apply(seen(aSession('ann')), 1_000);
    view.apply(seen(aSession('bob')), 1_000);
    view.apply(closed('bob-1'), 1_100);
    view.apply(published(aStream('bob')), 1_000);
    view.apply(ended('bob', 1), 1_100);
    const stale = { sessions: [aSession('bob')], streams: [aStream('bob')] };
    expect(view.reconcile(stale, 1_200)).toEqual([]);
    expect(view.participants.map(({ participant }) => participant)).toEqual(['ann']);
  });

  test('what they go on to lack is gone, what one lacked and the next has stays', () => {
    const view = new RoomView();
    view.apply(seen(aSession('ann')), 0);
    view.apply(published(aStream('ann')), 0);
    expect(view.reconcile(EMPTY, 3_000)).toEqual([]);
    expect(view.unsettled).toBe(true);
    expect(
      view.reconcile({ sessions: [aSession('ann')], streams: [aStream('ann')] }, 5_000),
    ).toEqual([]);
    expect(view.unsettled).toBe(false);
    expect(view.reconcile(EMPTY, 8_000)).toEqual([]);
    expect(view.reconcile(EMPTY, 10_000)).toEqual([]);
    expect(kinds(view.reconcile(EMPTY, 8_000 + RETURN_MS))).toEqual([
      'publisherRemoved',
      'participantLeft',
    ]);
    expect(view.unsettled).toBe(false);
  });

  test('a moved participant stays until its next session is known, and leaves with that one', () => {
    const view = new RoomView();
    view.apply(seen(aSession('ann')), 0);
    expect(view.apply(closed('ann-1', true), 100)).toEqual([]);
    expect(view.apply(seen(aSession('ann', { sessionId: 'ann-2' })), 200)).toEqual([]);
    const now = { sessions: [aSession('ann', { sessionId: 'ann-2' })], streams: [] };
    expect([...view.reconcile(now, 5_000), ...view.reconcile(now, 7_000)]).toEqual([]);
    expect(view.participants).toHaveLength(1);
    expect(kinds(view.apply(closed('ann-2'), 8_000))).toEqual(['participantLeft']);
  });

  test('a participant whose node was lost comes back on another one without having left', () => {
    const view = new RoomView();
    view.apply(seen(aSession('ann')), 0);
    view.apply(published(aStream('ann')), 0);
    expect(view.reconcile(EMPTY, 3_000)).toEqual([]);
    const there = aSession('ann', { sessionId: 'ann-2' });
    expect(view.apply(seen(there), 4_000)).toEqual([]);
    const stream = aStream('ann', { epoch: 2, sessionId: 'ann-2' });
    expect(view.apply(published(stream), 5_000)).toEqual([]);
    expect(view.holderOf('ann', 'camera')).toBe('ann-2');
    const now = { sessions: [there], streams: [stream] };
    expect(view.reconcile(now, 60_000)).toEqual([]);
    expect(kinds(view.apply(closed('ann-2'), 61_000))).toEqual(['participantLeft']);
  });

  test('whatever was lost, repeated or late, settled snapshots tell the truth, and the changes told add up to it', () => {
    const names = fc.constantFrom('ann', 'bob', 'eve');
    const step = fc.oneof(
      fc.record({ do: fc.constant('join' as const), who: names }),
      fc.record({ do: fc.constant('leave' as const), who: names }),
      fc.record({ do: fc.constant('move' as const), who: names }),
      fc.record({ do: fc.constant('publish' as const), who: names }),
      fc.record({ do: fc.constant('unpublish' as const), who: names }),
      fc.record({ do: fc.constant('snapshot' as const), who: names }),
      fc.record({ do: fc.constant('wait' as const), who: names }),
    );
    const fate = fc.constantFrom('heard', 'heard', 'lost', 'twice');
    fc.assert(
      fc.property(fc.array(fc.tuple(step, fate), { maxLength: 60 }), (steps) => {
        const view = new RoomView();
        const told: RoomChange[] = [];
        const sessions = new Map<string, RoomSession>();
        const streams = new Map<string, RoomStream>();
        let [nowMs, serial] = [0, 0];
        let stale = { sessions: [] as RoomSession[], streams: [] as RoomStream[] };
        const truth = () => ({ sessions: [...sessions.values()], streams: [...streams.values()] });
        const hear = (fact: RoomFact, how: string) => {
          const times = { heard: 1, lost: 0, twice: 2 }[how] ?? 1;
          for (let time = 0; time < times; time += 1) told.push(...view.apply(fact, nowMs));
        };
        const move = (session: RoomSession, how: string) => {
          const who = session.participant;
          const stream = streams.get(who);
          const sessionId = `s${String((serial += 1))}`;
          sessions.set(who, aSession(who, { sessionId }));
          hear(seen(sessions.get(who)!), how);
          if (stream) {
            streams.set(who, aStream(who, { epoch: (serial += 1), sessionId }));
            hear(ended(who, stream.epoch), how);
            hear(published(streams.get(who)!), how);
          }
          hear(closed(session.sessionId, true), how);
        };
        const leave = (session: RoomSession, how: string) => {
          const who = session.participant;
          const stream = streams.get(who);
          sessions.delete(who);
          if (stream) hear(ended(who, stream.epoch), how);
          streams.delete(who);
          hear(closed(session.sessionId), how);
        };
        const togglePublishing = (who: string, what: 'publish' | 'unpublish', how: string) => {
          const stream = streams.get(who);
          const session = sessions.get(who);
          if (what === 'publish' && !stream && session) {
            const { sessionId } = session;
            streams.set(who, aStream(who, { epoch: (serial += 1), sessionId }));
            hear(published(streams.get(who)!), how);
          } else if (what === 'unpublish' && stream) {
            streams.delete(who);
            hear(ended(who, stream.epoch), how);
          }
        };
        for (const [{ do: what, who }, how] of steps) {
          nowMs += 100;
          told.push(...view.endOverdue(nowMs));
          const session = sessions.get(who);
          if (what === 'join' && !session) {
            sessions.set(who, aSession(who, { sessionId: `s${String((serial += 1))}` }));
            hear(seen(sessions.get(who)!), how);
          } else if (what === 'leave' && session) {
            leave(session, how);
          } else if (what === 'move' && session) {
            move(session, how);
          } else if (what === 'publish' || what === 'unpublish') {
            togglePublishing(who, what, how);
          } else if (what === 'snapshot') {
            // A directory answers with what it knew a moment ago.
            told.push(...view.reconcile(stale, nowMs));
            stale = truth();
          } else if (what === 'wait') {
            nowMs += SETTLE_MS;
            stale = truth();
          }
        }
        for (let again = 0; again < 3; again += 1) {
          nowMs += RETURN_MS + SETTLE_MS;
          told.push(...view.endOverdue(nowMs));
          told.push(...view.reconcile(truth(), nowMs));
        }
        const participants = [...sessions.keys()].sort();
        const publishers = [...streams.keys()].sort();
        expect(view.participants.map(({ participant }) => participant).sort()).toEqual(
          participants,
        );
        expect(view.publishers.map(({ participant }) => participant).sort()).toEqual(publishers);
        expect(replay(told)).toEqual({ participants, publishers });
      }),
      { numRuns: 500 },
    );
  });
});

/** What a client knows that heard all changes; it objects to what makes no sense. */
function replay(changes: readonly RoomChange[]) {
  const participants = new Set<string>();
  const publishers = new Set<string>();
  for (const change of changes) {
    switch (change.kind) {
      case 'participantJoined':
        expect(participants).not.toContain(change.participant.participant);
        participants.add(change.participant.participant);
        break;
      case 'participantLeft':
        expect(participants.delete(change.participant.participant)).toBe(true);
        break;
      case 'publisherAdded':
        expect(publishers).not.toContain(change.publisher.participant);
        publishers.add(change.publisher.participant);
        break;
      case 'publisherRemoved':
        expect(publishers.delete(change.publisher.participant)).toBe(true);
        break;
      case 'publisherChanged':
      case 'speakersChanged':
        break;
    }
  }
  return { participants: [...participants].sort(), publishers: [...publishers].sort() };
}
