import { beforeEach, describe, expect, it } from 'vitest';
import fc from 'fast-check';
import type { OpenRelayResponse } from '@sluice/proto-gen/media_node';
import type { Pipe } from '../pipes/pipe.js';
import { FakeClock } from '@sluice/testing';
import { FakePipeTransport, FakeProducer, aCopy, aPipe, settled } from './relay-fakes.fixture.js';
import { RelayFeed } from './relay-feed.js';
import type { StreamCopy } from '../streams/stream-copy.js';

/** How long a track is still sent that was replaced. */
const KEEP_MS = 3_000;

let transport: FakePipeTransport;
let pipe: Pipe;
const clock = new FakeClock();
let copy: StreamCopy;
let said: OpenRelayResponse[];

beforeEach(() => {
  transport = new FakePipeTransport();
  pipe = aPipe(transport);
  copy = aCopy();
  said = [];
});

function aFeed(origin = true): RelayFeed {
  const write = (response: OpenRelayResponse) => said.push(response);
  const feed = new RelayFeed({ copy, pipe, origin, write, clock });
  feed.setPaused(false);
  return feed;
}

function addTrack(trackId: string, paused = false): FakeProducer {
  const producer = new FakeProducer('video', paused);
  transport.known.set(producer.id, producer);
  copy.addTrack({ trackId, producer: producer.asProducer() });
  return producer;
}

function mute(trackId: string): void {
  // It may end before that is done, and then it does not matter.
  copy.tracks
    .get(trackId)
    ?.producer.pause()
    .catch(() => undefined);
}

const lastTracks = () => {
  const last = said.at(-1)?.message;
  return last?.$case === 'tracks' ? last.value : undefined;
};
const listed = () =>
  lastTracks()?.tracks.map(
    ({ track }) => `${track?.trackId ?? '?'} ${track?.paused ? 'muted' : 'on'}`,
  );
const open = () => transport.consumers.filter(({ closed }) => !closed);

describe('a feed', () => {
  it('says what flows, with the way that it came', async () => {
    addTrack('video');
    aFeed();
    await settled();
    expect(listed()).toEqual(['video on']);
    expect(lastTracks()?.path).toEqual(['here']);
    expect(said).toHaveLength(1);
  });

  it('says so when nothing flows yet', async () => {
    aFeed();
    await settled();
    expect(listed()).toEqual([]);
  });

  it('follows tracks that come, go, and are muted', async () => {
    aFeed();
    const camera = addTrack('camera');
    const screen = addTrack('screen', true);
    await settled();
    expect(listed()).toEqual(['camera on', 'screen muted']);

    await screen.resume();
    camera.close();
    await settled();
    expect(listed()).toEqual(['screen on']);
    expect(open()).toHaveLength(1);
  });

  it('sends a track anew when its producer was replaced, and the old one a little longer', async () => {
    addTrack('video');
    aFeed();
    await settled();
    const before = lastTracks()?.tracks[0]?.rtpParametersJson;
    addTrack('video');
    await settled();
    expect(lastTracks()?.tracks[0]?.rtpParametersJson).not.toBe(before);
    expect(open()).toHaveLength(2);
    clock.elapse(KEEP_MS);
    expect(open()).toHaveLength(1);
  });

  it('keeps the puller believing in a track whose edge has lost its parent', async () => {
    const producer = new FakeProducer();
    transport.known.set(producer.id, producer);
    copy.keepTrack({ trackId: 'video', producer: producer.asProducer() });
    aFeed(false);
    await settled();
    producer.close();
    addTrack('audio');
    await settled();
    expect(listed()).toEqual(['video on', 'audio on']);
  });

  it('sends nothing before somebody wants it', async () => {
    addTrack('camera');
    const write = (response: OpenRelayResponse) => said.push(response);
    new RelayFeed({ copy, pipe, origin: true, write, clock });
    await settled();
    expect(listed()).toEqual(['camera on']);
    expect(open().map(({ paused }) => paused)).toEqual([true]);
    expect(copy.watched).toBe(true);
    expect(copy.wanted).toBe(false);
  });

  it('pauses its consumers, and those that come later, while nobody wants packets', async () => {
    addTrack('camera');
    const feed = aFeed();
    feed.setPaused(true);
    addTrack('screen');
    await settled();
    expect(open().map(({ paused }) => paused)).toEqual([true, true]);
    expect(copy.wanted).toBe(false);
    expect(copy.watched).toBe(true);

    feed.setPaused(false);
    await settled();
    expect(open().map(({ paused }) => paused)).toEqual([false, false]);
    expect(copy.wanted).toBe(true);
  });

  it('tells the puller of another way, and of another epoch as its end', async () => {
    const feed = aFeed(false);
    await settled();
    copy.changeSource(1, ['there', 'here']);
    await settled();
    expect(lastTracks()?.path).toEqual(['there', 'here']);

    copy.changeSource(2, ['there', 'here']);
    expect(said.at(-1)).toEqual({ message: { $case: 'ended', value: { reason: 'moved' } } });
    clock.elapse(10_000);
    expect(feed.closed).toBe(true);
  });

  it.each([
    [true, 'unpublished', 'stream ended'],
    [true, 'moved', 'moved'],
    [false, 'stream ended', 'stream ended'],
    [false, 'relay lost', 'relay lost'],
  ])('of an origin (%s) whose copy closes as "%s" ends as "%s"', (origin, closed, reason) => {
    const feed = aFeed(origin);
    copy.close(closed);
    expect(said.at(-1)).toEqual({ message: { $case: 'ended', value: { reason } } });
    clock.elapse(10_000);
    expect(feed.closed).toBe(true);
  });

  it('of a stream that moved feeds on until the puller has it from elsewhere', async () => {
    addTrack('video');
    const feed = aFeed();
    await settled();
    copy.close('moved');
    feed.setPaused(true);
    await settled();
    expect(open().map(({ paused }) => paused)).toEqual([false]);
    expect(feed.ending).toBe(true);
    feed.close('puller closed');
    expect(open()).toEqual([]);
  });

  it('leaves nothing when it closes, also while it consumes', async () => {
    addTrack('video');
    const feed = aFeed();
    feed.close('puller gone');
    await settled();
    expect(open()).toEqual([]);
    expect(copy.watched).toBe(false);
    expect(pipe.users).toBe(0);
    addTrack('later');
    await settled();
    expect(said).toEqual([]);
  });

  it('closes with its pipe', () => {
    const feed = aFeed();
    pipe.close('peer gone');
    expect(feed.closed).toBe(true);
    expect(feed.failure).toBeUndefined();
  });

  it('fails when a track cannot be consumed though it is there', async () => {
    const producer = new FakeProducer();
    copy.addTrack({ trackId: 'video', producer: producer.asProducer() });
    const feed = aFeed();
    await settled();
    expect(feed.failure).toMatchObject({ code: 'UNAVAILABLE' });
    expect(feed.closed).toBe(true);
  });

  it('ends up with what the copy has, whatever happened in between', async () => {
    const trackIds = fc.constantFrom('a', 'b', 'c');
    const step = fc.oneof(
      fc.record({ kind: fc.constant('add' as const), trackId: trackIds }),
      fc.record({ kind: fc.constant('end' as const), trackId: trackIds }),
      fc.record({ kind: fc.constant('mute' as const), trackId: trackIds }),
      fc.record({ kind: fc.constant('pause' as const), paused: fc.boolean() }),
      fc.record({ kind: fc.constant('wait' as const), turns: fc.nat(6) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        transport = new FakePipeTransport();
        pipe = aPipe(transport);
        copy = aCopy();
        said = [];
        const feed = aFeed();
        let paused = false;
        for (const one of steps) {
          if (one.kind === 'add') addTrack(one.trackId);
          else if (one.kind === 'end') copy.tracks.get(one.trackId)?.producer.close();
          else if (one.kind === 'mute') mute(one.trackId);
          else if (one.kind === 'pause') feed.setPaused((paused = one.paused));
          else for (let turn = 0; turn < one.turns; turn += 1) await Promise.resolve();
        }
        await settled();
        clock.elapse(KEEP_MS);
        const expected = [...copy.tracks].map(
          ([trackId, { producer }]) => `${trackId} ${producer.paused ? 'muted' : 'on'}`,
        );
        expect(feed.failure).toBeUndefined();
        expect(new Set(listed())).toEqual(new Set(expected));
        expect(open()).toHaveLength(expected.length);
        expect(open().every((consumer) => consumer.paused === paused)).toBe(true);
      }),
    );
  });
});
