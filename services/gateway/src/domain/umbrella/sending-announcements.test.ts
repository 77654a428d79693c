import { expect, test } from 'vitest';
import { FakeClock } from '@sluice/testing';
import type { Publisher } from '../rooms/room-view.js';
import type { Room } from '../rooms/room.js';
import type { Session } from '../sessions/session.js';
import { Sending } from './sending.js';
import { TrackNames } from './track-names.js';

const TRACKS = [{ trackId: 'x', kind: 'video', paused: false, mimeType: 'video/VP8' }] as const;

/** A track that came to the room over those clusters. */
function over(...path: string[]): Publisher {
  const purpose = `umbrella:${path.join('+')}:x`;
  return { participant: 'umbrella-trunk', purpose, username: 'trunk', tracks: TRACKS };
}

/** Announces what is in the room to a peer, and says by which ways it told that each track comes. */
function announcer(peerClusterId: string | undefined) {
  const clock = new FakeClock();
  const publishers: Publisher[] = [];
  const listeners = new Set<(change: object) => void>();
  const room = {
    name: 'room',
    view: { publishers },
    on: (_: 'changed', listener: () => void) => listeners.add(listener),
    off: (_: 'changed', listener: () => void) => listeners.delete(listener),
  };
  const session = { on: () => undefined, subscriptions: [], isSubscribed: () => false };
  const sending = new Sending({
    session: session as unknown as Session,
    room: room as unknown as Room,
    names: new TrackNames('a secret of this cluster'),
    participant: 'umbrella-peer',
    cameFromThere: () => false,
    peerClusterId: () => peerClusterId,
    clock,
    observer: { requestHandled: () => undefined, trouble: () => undefined },
  });
  const told: string[][] = [];
  sending.on('announced', (tracks) => {
    told.push(tracks.map(({ path }) => path.slice(0, -1).join(' ')));
  });
  return (...now: Publisher[]) => {
    publishers.splice(0, publishers.length, ...now);
    for (const listener of listeners) listener({});
    clock.elapse(1_000);
    return told.splice(0);
  };
}

test('a cluster of ours is told by which way a track comes now, and what is gone', () => {
  const announce = announcer('clusterP');
  expect(announce(over('clusterA'))).toEqual([['clusterA']]);
  expect(announce(over('clusterA'))).toEqual([]);
  expect(announce(over('clusterA', 'clusterB'))).toEqual([['clusterA clusterB']]);
  // It has it from there.
  expect(announce(over('clusterA', 'clusterP'))).toEqual([[]]);
  expect(announce(over('clusterA'))).toEqual([['clusterA']]);
  expect(announce()).toEqual([[]]);
});

test('another server is told of what appears alone', () => {
  const announce = announcer(undefined);
  expect(announce(over('clusterA'))).toEqual([['clusterA']]);
  expect(announce(over('clusterA', 'clusterB'))).toEqual([]);
  expect(announce()).toEqual([]);
});
