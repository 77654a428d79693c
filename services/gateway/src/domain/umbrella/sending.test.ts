import { EventEmitter } from 'node:events';
import { FakeClock } from '@sluice/testing';
import { beforeEach, expect, test } from 'vitest';
import type { Layers, Observer } from '../ports.js';
import type { Room } from '../rooms/room.js';
import type { Session } from '../sessions/session.js';
import type { UmbrellaTrack } from './messages.js';
import { Sending } from './sending.js';
import { TrackNames } from './track-names.js';

/** More than any delay of what is tested. */
const LONG_MS = 1_000;
const ANN = {
  ...{ participant: 'ann', purpose: 'camera', username: 'Ann' },
  tracks: [
    { trackId: 'sound', kind: 'audio', paused: false, mimeType: 'audio/opus' },
    { trackId: 'picture', kind: 'video', paused: false, mimeType: 'video/VP8' },
  ],
};

/** What a media node was asked for, and nothing that it would do. */
class AskedSession extends EventEmitter {
  readonly asked: unknown[] = [];
  readonly subscriptions: { participant: string; purpose: string; connection: string }[] = [];
  failing = false;

  isSubscribed = () => this.subscriptions.length > 0;

  subscribe(subscription: (typeof this.subscriptions)[0], { withheld }: { withheld: string[] }) {
    this.subscriptions.push(subscription);
    this.asked.push({ withheld });
    return Promise.resolve('an offer');
  }

  setLayers(_participant: string, _purpose: string, { withheld, unwanted }: Layers) {
    this.asked.push({ withheld, unwanted });
    return this.failing ? Promise.reject(new Error('no answer')) : Promise.resolve();
  }

  unsubscribe() {
    this.subscriptions.pop();
    this.asked.push('leave');
    return Promise.resolve();
  }
}

let session: AskedSession;
let room: EventEmitter;
let sending: Sending;
let announced: readonly UmbrellaTrack[];
const clock = new FakeClock();

beforeEach(() => {
  session = new AskedSession();
  room = Object.assign(new EventEmitter(), { name: 'room', view: { publishers: [ANN] } });
  sending = new Sending({
    session: session as unknown as Session,
    room: room as unknown as Room,
    names: new TrackNames('a secret of this cluster'),
    participant: 'umbrella-peer',
    cameFromThere: () => false,
    peerClusterId: () => 'clusterB',
    clock,
    observer: { trouble: () => undefined } as unknown as Observer,
  });
  sending.on('announced', (tracks) => (announced = tracks));
  clock.elapse(LONG_MS);
});

const of = (...ids: string[]) => announced.filter(({ id }) => ids.includes(id));
const idsOf = (...ids: string[]) => of(...ids).map(({ umbrellaId }) => umbrellaId);

async function accept(...ids: string[]): Promise<void> {
  sending.accept(of(...ids));
  await settled();
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('a stream is offered as far as the peer takes it, and the rest once it takes that', async () => {
  await accept('picture');
  expect(session.asked).toEqual([{ withheld: ['sound'] }]);
  await accept('picture', 'sound');
  expect(session.asked[1]).toEqual({ withheld: [], unwanted: [] });
  await accept('picture');
  expect(session.asked[2]).toEqual({ withheld: ['sound'], unwanted: [] });
  await accept();
  expect(session.asked.slice(3)).toEqual(['leave']);
});

test('what nobody watches there stays offered', async () => {
  await accept('picture', 'sound');
  sending.wantOnly(idsOf('sound'));
  expect(session.asked).toEqual([{ withheld: [] }, { withheld: [], unwanted: ['sound'] }]);
  await accept('picture', 'sound');
  expect(session.asked).toHaveLength(2);
});

test('a stream that ended and came again is told of anew', async () => {
  await accept('picture', 'sound');
  sending.wantOnly(idsOf('sound'));
  const { view } = room as unknown as { view: { publishers: unknown[] } };
  view.publishers.length = 0;
  session.subscriptions.length = 0;
  room.emit('changed', {});
  view.publishers.push(ANN);
  room.emit('changed', { kind: 'began', publisher: ANN });
  await settled();
  expect(session.asked.slice(2)).toEqual([{ withheld: [] }, { withheld: [], unwanted: ['sound'] }]);
});

test('what the node could not be told is said again', async () => {
  await accept('picture', 'sound');
  session.failing = true;
  sending.wantOnly(idsOf('sound'));
  await settled();
  session.failing = false;
  clock.elapse(LONG_MS);
  await settled();
  clock.elapse(LONG_MS);
  expect(session.asked.slice(1)).toEqual([
    { withheld: [], unwanted: ['sound'] },
    { withheld: [], unwanted: ['sound'] },
  ]);
});
