import { beforeEach, describe, expect, it } from 'vitest';
import { SluiceError } from '@sluice/core';
import { TrackKind, type RelayState } from '@sluice/proto-gen/common';
import type { OpenRelayRequest, OpenRelayResponse } from '@sluice/proto-gen/media_node';
import type { PlanRelayResponse } from '@sluice/proto-gen/stream_directory';
import { FakeClock } from '@sluice/testing';
import { SILENT, factsInto } from '../ports.fixture.js';
import {
  FAR,
  FakeHomeRouter,
  FakePipeTransport,
  NAME,
  aPipe,
  settled,
} from './relay-fakes.fixture.js';
import { loopbackPeer } from './relay-loopback.js';
import { RelayedStream } from './relayed-stream.js';
import type { StreamCopy } from '../streams/stream-copy.js';

const LINGER_MS = 3_000;
const PAUSE_DELAY_MS = 500;
const ANSWER_DEADLINE_MS = 2_000;

/** One call that the parent answers by hand. */
interface FakeFeed {
  readonly heard: OpenRelayRequest[];
  readonly tell: (response: OpenRelayResponse) => void;
  readonly fail: (error: SluiceError) => void;
  gone: boolean;
}

let clock: FakeClock;
let router: FakeHomeRouter;
let transports: FakePipeTransport[];
let feeds: FakeFeed[];
let asked: (readonly string[])[];
let plan: () => Promise<PlanRelayResponse>;
let opened: RelayState[];
let closed: RelayState[];
let established: StreamCopy[];

beforeEach(() => {
  clock = new FakeClock();
  router = new FakeHomeRouter();
  transports = [];
  feeds = [];
  asked = [];
  plan = () => Promise.resolve(aPlan());
  opened = [];
  closed = [];
  established = [];
});

const aPlan = (changes: Partial<PlanRelayResponse> = {}): PlanRelayResponse => ({
  parent: FAR,
  epoch: 1,
  depth: 1,
  ticket: 'ticket',
  sameNode: false,
  ...changes,
});

function aStream(): RelayedStream {
  const directory = {
    claimStream: () => Promise.reject(new Error('not used')),
    releaseStream: () => Promise.reject(new Error('not used')),
    findStream: () => Promise.reject(new Error('not used')),
    planRelay: (_name: object, _to: object, excluded: readonly string[]) => {
      asked.push(excluded);
      return plan();
    },
  };
  const peer = loopbackPeer({ openPipe: () => Promise.resolve(), openRelay: serveByHand });
  return new RelayedStream(
    router,
    NAME,
    {
      identity: { nodeId: 'here', bootId: 'boot', grpcAddress: 'here:1' },
      directory,
      facts: factsInto(opened, closed),
      pipes: { ensure: () => Promise.resolve(newPipe()) },
      peerOf: () => peer,
      clock,
      log: SILENT,
      answerDeadlineMs: ANSWER_DEADLINE_MS,
      lingerMs: LINGER_MS,
      pauseDelayMs: PAUSE_DELAY_MS,
    },
    (copy) => established.push(copy),
  );
}

function newPipe() {
  const transport = new FakePipeTransport();
  transports.push(transport);
  return aPipe(transport);
}

function serveByHand(
  requests: AsyncIterable<OpenRelayRequest>,
  write: (response: OpenRelayResponse) => void,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const over = Promise.withResolvers<undefined>();
  const heard: OpenRelayRequest[] = [];
  const feed: FakeFeed = { heard, tell: write, fail: over.reject, gone: false };
  signal.addEventListener('abort', () => (feed.gone = true));
  feeds.push(feed);
  void (async () => {
    for await (const request of requests) heard.push(request);
  })();
  return over.promise;
}

const tracks = (path: string[], ...trackIds: string[]): OpenRelayResponse => ({
  message: {
    $case: 'tracks',
    value: {
      path,
      tracks: trackIds.map((trackId) => ({
        track: { trackId, kind: TrackKind.TRACK_KIND_VIDEO, paused: false, mimeType: 'video/VP8' },
        rtpParametersJson: '{}',
      })),
    },
  },
});
const ended = (reason: string): OpenRelayResponse => ({
  message: { $case: 'ended', value: { reason } },
});

/** A stream whose first relay flows. */
async function aFlowingStream() {
  const stream = aStream();
  const opening = stream.open();
  await settled();
  feeds[0]?.tell(tracks(['far'], 'video'));
  const copy = await opening;
  return { stream, copy };
}

async function elapse(ms: number): Promise<void> {
  clock.elapse(ms);
  await settled();
}

describe('a relayed stream', () => {
  it('is there when its tracks are', async () => {
    const { copy } = await aFlowingStream();
    expect(established).toEqual([copy]);
    expect([...copy.tracks.keys()]).toEqual(['video']);
    expect(copy.path).toEqual(['far', 'here']);
    expect(opened).toMatchObject([{ epoch: 1, from: { nodeId: 'far' }, to: { nodeId: 'here' } }]);
    expect(feeds[0]?.heard[0]).toMatchObject({
      message: { $case: 'request', value: { ticket: 'ticket', epoch: 1 } },
    });
  });

  it('closes after the linger when nobody watches, and lets go of the parent', async () => {
    const { stream, copy } = await aFlowingStream();
    const watcher = {};
    copy.watch(watcher, true);
    await elapse(10 * LINGER_MS);
    copy.unwatch(watcher);
    await elapse(LINGER_MS - 1);
    expect(copy.closed).toBe(false);

    await elapse(1);

    expect(copy.closed).toBe(true);
    expect(stream.closed).toBe(true);
    expect(feeds[0]?.gone).toBe(true);
    expect(closed).toHaveLength(1);
    expect(transports[0]?.closed).toBe(false);
    expect(transports[0]?.producers.every((producer) => producer.closed)).toBe(true);
  });

  it('lingers anew when somebody asks for it', async () => {
    const { stream, copy } = await aFlowingStream();
    await elapse(LINGER_MS - 1);
    stream.touch();
    await elapse(LINGER_MS - 1);
    expect(copy.closed).toBe(false);
  });

  it('tells the parent whether anybody wants packets', async () => {
    const { copy } = await aFlowingStream();
    const watcher = {};
    copy.watch(watcher, true);
    await settled();
    expect(feeds[0]?.heard.at(-1)?.message).toEqual({ $case: 'paused', value: false });
    copy.watch(watcher, false);
    await elapse(PAUSE_DELAY_MS);
    expect(feeds[0]?.heard.at(-1)?.message).toEqual({ $case: 'paused', value: true });
  });

  it('tells a new parent along with the request that packets are wanted', async () => {
    const { copy } = await aFlowingStream();
    copy.watch({}, true);
    feeds[0]?.fail(new SluiceError('UNAVAILABLE', 'gone'));
    await settled();
    expect(feeds[1]?.heard.map(({ message }) => message?.$case)).toEqual(['request', 'paused']);
  });

  it('finds another parent for the same copy', async () => {
    const { copy } = await aFlowingStream();
    copy.watch({}, true);
    feeds[0]?.fail(new SluiceError('UNAVAILABLE', 'gone'));
    await settled();
    expect(asked).toEqual([[], [FAR.routerId]]);
    expect([...copy.tracks.keys()]).toEqual(['video']);

    feeds[1]?.tell(tracks(['x', 'other'], 'video'));
    await settled();
    expect(copy.closed).toBe(false);
    expect(copy.path).toEqual(['x', 'other', 'here']);
    expect(copy.tracks.get('video')?.producer.id).toBe(transports[1]?.producers[0]?.id);
    expect(opened).toHaveLength(2);
    expect(closed).toHaveLength(1);
  });

  it('goes to a better parent, and leaves the old one once the new one flows', async () => {
    const { stream, copy } = await aFlowingStream();
    copy.watch({}, true);
    plan = () => Promise.resolve(aPlan({ parent: { ...FAR, routerId: 'better' } }));
    await stream.replan(opened[0]!);
    await settled();
    expect(feeds).toHaveLength(2);
    feeds[1]?.tell(tracks(['better'], 'video'));
    await settled();
    expect(copy.path).toEqual(['far', 'here']);

    await elapse(1_000);
    expect(copy.path).toEqual(['better', 'here']);
    expect(copy.tracks.get('video')?.producer.id).toBe(transports[1]?.producers[0]?.id);
    expect(opened.map(({ from }) => from?.routerId)).toEqual([FAR.routerId, 'better']);
    expect(feeds[0]?.gone).toBe(false);
    await elapse(3_000);
    expect(feeds[0]?.gone).toBe(true);
    expect(asked).toEqual([[], []]);
  });

  it('stays where it is when no better parent is known, or that one cannot be had', async () => {
    const { stream, copy } = await aFlowingStream();
    copy.watch({}, true);
    await stream.replan(opened[0]!);
    await settled();
    expect(feeds).toHaveLength(1);

    plan = () => Promise.resolve(aPlan({ parent: { ...FAR, routerId: 'better' } }));
    await stream.replan(opened[0]!);
    await settled();
    plan = () => Promise.resolve(aPlan());
    feeds[1]?.fail(new SluiceError('UNAVAILABLE', 'gone'));
    await settled();
    expect(transports[0]?.producers[0]?.closed).toBe(false);
    await elapse(200);
    feeds[2]?.tell(tracks(['far'], 'video'));
    await settled();
    await elapse(1_000);
    expect(copy.closed).toBe(false);
    expect(copy.path).toEqual(['far', 'here']);
    expect(copy.tracks.get('video')?.producer.id).toBe(transports[2]?.producers[0]?.id);
  });

  it('is not replanned by what is said of another relay', async () => {
    const { stream } = await aFlowingStream();
    plan = () => Promise.resolve(aPlan({ parent: { ...FAR, routerId: 'better' } }));
    await stream.replan({ ...opened[0]!, from: { ...FAR, bootId: 'another boot' } });
    await stream.replan({ ...opened[0]!, epoch: 2 });
    expect(asked).toHaveLength(1);
    expect(feeds).toHaveLength(1);
  });

  it('follows the stream to its next epoch', async () => {
    const { copy } = await aFlowingStream();
    copy.watch({}, true);
    plan = () => Promise.resolve(aPlan({ epoch: 2 }));
    feeds[0]?.tell(ended('moved'));
    await settled();
    feeds[1]?.tell(tracks(['far'], 'video'));
    await settled();
    expect(copy.epoch).toBe(1);
    await elapse(1_000);
    expect(copy.epoch).toBe(2);
    expect(copy.closed).toBe(false);
  });

  it('waits for the next epoch while the directory still plans the old one', async () => {
    const { copy } = await aFlowingStream();
    copy.watch({}, true);
    feeds[0]?.tell(ended('moved'));
    await settled();
    await elapse(100);
    expect(feeds).toHaveLength(1);

    plan = () => Promise.resolve(aPlan({ epoch: 2 }));
    await elapse(200);
    expect(feeds).toHaveLength(2);
    expect(copy.closed).toBe(false);
  });

  it('ends with the stream', async () => {
    const { copy } = await aFlowingStream();
    copy.watch({}, true);
    const reasons: string[] = [];
    copy.onClosed((reason) => reasons.push(reason));
    plan = () => Promise.reject(new SluiceError('NOT_FOUND', 'nobody'));
    feeds[0]?.tell(ended('stream ended'));
    await settled();
    await elapse(200);
    await elapse(200);
    expect(reasons).toEqual(['stream ended']);
  });

  it('gives up in the end when no parent is to be had, and says that the way was lost', async () => {
    const { copy } = await aFlowingStream();
    copy.watch({}, true);
    const reasons: string[] = [];
    copy.onClosed((reason) => reasons.push(reason));
    plan = () => Promise.reject(new SluiceError('UNAVAILABLE', 'no directory'));
    feeds[0]?.fail(new SluiceError('UNAVAILABLE', 'gone'));
    await settled();
    for (let tries = 0; tries < 30; tries += 1) await elapse(1_000);
    expect(reasons).toEqual(['relay lost']);
    expect(asked).toHaveLength(24);
  });

  it('is not had when the parent does not answer in time', async () => {
    const stream = aStream();
    const opening = stream.open();
    const failed = expect(opening).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    for (let second = 0; second < 12; second += 1) {
      await settled();
      await elapse(1_000);
    }
    await failed;
    expect(stream.closed).toBe(true);
    expect(feeds.every(({ gone }) => gone)).toBe(true);
    expect(established).toEqual([]);
  });

  it('is not had from a parent that is fed by this very node', async () => {
    const stream = aStream();
    const opening = stream.open();
    const failed = expect(opening).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    for (let tries = 0; tries < 4; tries += 1) {
      await settled();
      feeds.at(-1)?.tell(tracks(['x', 'here', 'far'], 'video'));
      await settled();
      await elapse(1_000);
    }
    await failed;
    expect(established).toEqual([]);
  });

  it('makes way when its origin comes to this router', async () => {
    const { copy } = await aFlowingStream();
    copy.watch({}, true);
    const reasons: string[] = [];
    copy.onClosed((reason) => reasons.push(reason));
    plan = () => Promise.reject(new SluiceError('INVALID_STATE', 'origin'));
    feeds[0]?.tell(ended('moved'));
    await settled();
    expect(reasons).toEqual(['moved']);
  });

  it('closes with its router', async () => {
    const { copy } = await aFlowingStream();
    copy.watch({}, true);
    router.close('worker died');
    transports[0]?.close();
    await settled();
    expect(copy.closed).toBe(true);
    expect(asked).toHaveLength(1);
  });

  it('does not spin on a parent that ends each relay at once', async () => {
    const { copy } = await aFlowingStream();
    copy.watch({}, true);
    for (let turn = 0; turn < 20; turn += 1) {
      feeds.at(-1)?.tell(tracks(['far'], 'video'));
      feeds.at(-1)?.tell(ended('relay lost'));
      await settled();
    }
    // The second try is immediate; from then on each waits.
    expect(asked).toHaveLength(2);
  });
});
