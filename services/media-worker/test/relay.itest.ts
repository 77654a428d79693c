import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '@sluice/testing';
import type { RtpParameters } from 'mediasoup/types';
import type { StreamName } from '@sluice/core';
import type { HomeRouter } from '../src/domain/routers/home-router.js';
import type { Pipe } from '../src/domain/pipes/pipe.js';
import type { StreamCopy } from '../src/domain/streams/stream-copy.js';
import {
  FakeDirectory,
  FollowingViewer,
  Source,
  Viewer,
  countOn,
  publish,
  startNode,
  type TestNode,
} from './relay-nodes.fixture.js';

const CAMERA: StreamName = { room: 'r', participant: 'ann', purpose: 'm.usermedia' };
const SCREEN: StreamName = { room: 'r', participant: 'bob', purpose: 'm.screenshare' };
const TIMES = { lingerMs: 200, pipeLingerMs: 200, pauseDelayMs: 50 };

let directory: FakeDirectory;
let stops: (() => Promise<void> | void)[];

beforeEach(() => {
  directory = new FakeDirectory();
  stops = [];
});

afterEach(async () => {
  for (const stop of stops.reverse()) await stop();
});

async function aNode(nodeId: string, cores = 1, times = {}): Promise<TestNode> {
  const node = await startNode({ nodeId, directory, cores, times: { ...TIMES, ...times } });
  stops.push(() => node.stop());
  return node;
}

async function aCamera(
  node: TestNode,
  name = CAMERA,
  router = node.core(),
  ssrcs: readonly number[] = [1111],
): Promise<{ source: Source; copy: StreamCopy }> {
  const source = await Source.video(router, ssrcs);
  stops.push(() => source.stop());
  const copy = publish(node, router, name, { video: source });
  directory.place(name, node.refOf(router), 1);
  return { source, copy };
}

async function aViewer(copy: StreamCopy, trackId = 'video'): Promise<Viewer> {
  const viewer = await Viewer.of(copy, trackId);
  stops.push(() => viewer.leave());
  return viewer;
}

const receives = (viewer: Viewer) => {
  const before = viewer.packets;
  return eventually(() => (viewer.packets > before + 5 ? undefined : 'no packets arrive'));
};

const onlyPipe = (node: TestNode): Pipe => {
  const [pipe, ...others] = node.relays.pipes.list;
  if (!pipe || others.length > 0) throw new Error(`${String(others.length + 1)} pipes`);
  return pipe;
};

const nothingLeftOn = (router: HomeRouter, own: number) =>
  eventually(async () => {
    const { transports } = await countOn(router);
    return transports === own ? undefined : `${String(transports)} transports are open`;
  });

describe('a relay between nodes', () => {
  it('carries packets to the far node, encrypted and with retransmission', async () => {
    const [a, b] = [await aNode('a'), await aNode('b')];
    await aCamera(a);

    const copy = await b.relays.ensure(b.core().routerId, CAMERA);
    await receives(await aViewer(copy));

    expect(copy.path).toEqual(['a', 'b']);
    const dump = await onlyPipe(b).transport.dump();
    expect(dump.srtpParameters?.cryptoSuite).toBe('AEAD_AES_256_GCM');
    expect(dump.rtx).toBe(true);
    expect(b.relays.relays()).toMatchObject([
      { stream: CAMERA, epoch: 1, from: { nodeId: 'a' }, to: { nodeId: 'b' } },
    ]);
    expect(b.opened).toHaveLength(1);
  });

  it('is one however many ask at once', async () => {
    const [a, b] = [await aNode('a'), await aNode('b')];
    await aCamera(a);

    const asking = Array.from({ length: 10 }, () => b.relays.ensure(b.core().routerId, CAMERA));
    const copies = new Set(await Promise.all(asking));

    expect(copies.size).toBe(1);
    expect(b.opened).toHaveLength(1);
    expect(directory.asked).toHaveLength(1);
    expect(onlyPipe(a).users).toBe(1);
  });

  it('closes a while after the last viewer left, and the pipe after it', async () => {
    const [a, b] = [await aNode('a'), await aNode('b')];
    await aCamera(a);
    const copy = await b.relays.ensure(b.core().routerId, CAMERA);
    const viewer = await Viewer.of(copy, 'video');
    await receives(viewer);

    viewer.leave();

    await eventually(() => (copy.closed ? undefined : 'the copy is open'));
    await nothingLeftOn(b.core(), 0);
    await nothingLeftOn(a.core(), 1);
    expect(b.closed).toHaveLength(1);
    expect(b.relays.relays()).toEqual([]);
    expect(a.relays.feeds.size).toBe(0);
    expect(b.copies.find(b.core().routerId, CAMERA)).toBeUndefined();
  });

  it('closes when nobody ever comes to watch', async () => {
    const [a, b] = [await aNode('a'), await aNode('b')];
    await aCamera(a);

    const copy = await b.relays.ensure(b.core().routerId, CAMERA);

    await eventually(() => (copy.closed ? undefined : 'the copy is open'));
    await nothingLeftOn(a.core(), 1);
  });

  it('stays when somebody comes back within the linger', async () => {
    const [a, b] = [await aNode('a'), await aNode('b', 1, { lingerMs: 60_000 })];
    await aCamera(a);
    const copy = await b.relays.ensure(b.core().routerId, CAMERA);
    const first = await Viewer.of(copy, 'video');
    await receives(first);
    first.leave();

    const again = await b.relays.ensure(b.core().routerId, CAMERA);
    await receives(await aViewer(again));

    expect(again).toBe(copy);
    expect(b.opened).toHaveLength(1);
  });

  it('brings tracks that are added later, and lets go of those that end', async () => {
    const [a, b] = [await aNode('a'), await aNode('b')];
    const origin = await aCamera(a);
    const copy = await b.relays.ensure(b.core().routerId, CAMERA);
    await aViewer(copy);

    const microphone = await Source.audio(a.core(), 2222);
    stops.push(() => microphone.stop());
    origin.copy.addTrack({ trackId: 'audio', producer: microphone.producer });
    await eventually(() => (copy.tracks.has('audio') ? undefined : 'no audio'));
    await receives(await aViewer(copy, 'audio'));

    microphone.producer.close();
    await eventually(() => (copy.tracks.has('audio') ? 'audio is there' : undefined));
    expect([...copy.tracks.keys()]).toEqual(['video']);
  });

  it('tells when the publisher mutes and unmutes a track', async () => {
    const [a, b] = [await aNode('a'), await aNode('b')];
    const { source } = await aCamera(a);
    const copy = await b.relays.ensure(b.core().routerId, CAMERA);
    const viewer = await aViewer(copy);
    await receives(viewer);
    const { producer } = copy.tracks.get('video')!;

    await source.producer.pause();
    await eventually(() => (producer.paused ? undefined : 'not muted'));
    expect(viewer.consumer.producerPaused).toBe(true);

    await source.producer.resume();
    await eventually(() => (producer.paused ? 'still muted' : undefined));
    await receives(viewer);
  });

  it('brings a track that was muted before the relay as muted', async () => {
    const [a, b] = [await aNode('a'), await aNode('b')];
    const { source } = await aCamera(a);
    await source.producer.pause();

    const copy = await b.relays.ensure(b.core().routerId, CAMERA);

    expect(copy.tracks.get('video')!.producer.paused).toBe(true);
  });

  it('sends nothing while nobody wants packets, and goes on when somebody does', async () => {
    const [a, b] = [await aNode('a'), await aNode('b')];
    const origin = await aCamera(a);
    const copy = await b.relays.ensure(b.core().routerId, CAMERA);
    const viewer = await aViewer(copy);
    await receives(viewer);

    viewer.want(false);
    await eventually(() => (origin.copy.wanted ? 'still wanted at the origin' : undefined));
    const sentBytes = async () => (await onlyPipe(a).transport.getStats())[0]!.rtpBytesSent;
    let last = -1;
    await eventually(async () => {
      const before = last;
      last = await sentBytes();
      return last === before ? undefined : 'packets cross';
    });
    expect(origin.copy.watched).toBe(true);

    viewer.want(true);
    await receives(viewer);
    expect(await sentBytes()).toBeGreaterThan(last);
  });

  it('keeps all layers of a simulcast source', async () => {
    const [a, b] = [await aNode('a'), await aNode('b')];
    await aCamera(a, CAMERA, a.core(), [101, 102, 103]);

    const copy = await b.relays.ensure(b.core().routerId, CAMERA);
    await aViewer(copy);
    const { producer } = copy.tracks.get('video')!;

    expect(producer.type).toBe('simulcast');
    await eventually(async () => {
      const streams = (await producer.getStats()).filter((stat) => stat.packetCount > 0);
      return streams.length === 3 ? undefined : `${String(streams.length)} layers`;
    });
  });

  it('asks the publisher for a keyframe when somebody wants packets, and not before', async () => {
    const [a, b] = [await aNode('a'), await aNode('b')];
    const { source } = await aCamera(a, CAMERA, a.core(), [101, 102]);
    await eventually(async () =>
      (await source.producer.getStats()).length === 2 ? undefined : 'not both layers',
    );
    let requests = 0;
    source.producer.on('trace', () => (requests += 1));
    await source.producer.enableTraceEvent(['pli']);

    const copy = await b.relays.ensure(b.core().routerId, CAMERA);
    // Consumers are made in order, so after this answer a request would have been seen.
    await source.producer.getStats();
    expect(requests).toBe(0);

    await receives(await aViewer(copy));
    expect(requests).toBeGreaterThan(0);
  });

  it('carries one request for a keyframe up the tree, however many make it at a time', async () => {
    const [a, b, c] = [await aNode('a'), await aNode('b'), await aNode('c')];
    const { source } = await aCamera(a);
    const near = await b.relays.ensure(b.core().routerId, CAMERA);
    directory.place(CAMERA, b.refOf(b.core()), 1);
    const far = await c.relays.ensure(c.core().routerId, CAMERA);
    const viewers = await Promise.all(
      [near, near, near, far, far, far].map((copy) => aViewer(copy)),
    );
    for (const viewer of viewers) await receives(viewer);

    let requests = 0;
    source.producer.on('trace', () => (requests += 1));
    await source.producer.enableTraceEvent(['pli', 'fir']);
    await Promise.all(viewers.map(({ consumer }) => consumer.requestKeyFrame()));
    await eventually(() => (requests > 0 ? undefined : 'nobody asked the publisher'));
    for (const viewer of viewers) await receives(viewer);
    // One for all six; and another after each second in which no keyframe came, as of this source.
    expect(requests).toBeLessThan(viewers.length);
  });

  it('tells the far side the same of a source as a pipe of mediasoup itself', async () => {
    const [a, b] = [await aNode('a'), await aNode('b')];
    const { source } = await aCamera(a, CAMERA, a.core(), [101, 102]);
    const copy = await b.relays.ensure(b.core().routerId, CAMERA);
    const { rtpParameters: ours } = copy.tracks.get('video')!.producer;
    const producerId = source.producer.id;
    const { rtpParameters: theirs } = await onlyPipe(a).transport.consume({ producerId });

    const withoutSsrcs = ({ encodings = [], headerExtensions = [], ...rest }: RtpParameters) => ({
      ...rest,
      encodings: encodings.map(({ ssrc, rtx, ...encoding }) => ({
        ...encoding,
        ssrcs: [typeof ssrc, typeof rtx?.ssrc],
      })),
      // Only AV1 needs it, and AV1 goes mediasoup's own way.
      headerExtensions: headerExtensions.filter(
        ({ uri }) => !uri.includes('dependency-descriptor'),
      ),
    });
    expect(withoutSsrcs(ours)).toEqual(withoutSsrcs(theirs));
  });

  it('ends when the stream ends, and what was watched closes', async () => {
    const [a, b] = [await aNode('a'), await aNode('b')];
    const { copy: origin } = await aCamera(a);
    const copy = await b.relays.ensure(b.core().routerId, CAMERA);
    await aViewer(copy);
    const reason = new Promise((resolve) => {
      copy.onClosed(resolve);
    });

    directory.remove(CAMERA);
    origin.close('unpublished');

    expect(await reason).toBe('stream ended');
    await eventually(() => (a.relays.feeds.size === 0 ? undefined : 'still fed'));
  });

  it('never stops while the origin moves, and leaves nothing of the old way', async () => {
    const [a, b, c] = [await aNode('a'), await aNode('b'), await aNode('c')];
    const { copy: before } = await aCamera(a);
    const copy = await b.relays.ensure(b.core().routerId, CAMERA);
    const viewer = await FollowingViewer.of(copy, 'video');
    stops.push(() => viewer.leave());
    await eventually(() => (viewer.packets > 10 ? undefined : 'no packets arrive'));

    const moved = await Source.video(c.core(), [5555]);
    stops.push(() => moved.stop());
    publish(c, c.core(), CAMERA, { video: moved }, 2);
    directory.place(CAMERA, c.refOf(c.core()), 2);
    // The old source goes on, as that of a publication which hands over.
    before.close('moved');

    await eventually(() => (copy.epoch === 2 ? undefined : 'still the old epoch'));
    await eventually(
      () =>
        viewer.spans.length === 2 && viewer.sources === 1 ? undefined : 'the old way is still open',
      10_000,
    );
    const gapMs = Math.round(viewer.longestGapMs);
    console.info(`an edge whose origin moved: ${String(gapMs)} ms without a packet`);
    const [old, next] = viewer.spans;
    expect(next!.firstMs).toBeLessThan(old!.lastMs);
    expect(b.relays.relays()).toMatchObject([{ epoch: 2, from: { nodeId: 'c' } }]);
  });

  it('is taken up again by the same copy when the origin moved', async () => {
    const [a, b, c] = [await aNode('a'), await aNode('b'), await aNode('c')];
    const { copy: before } = await aCamera(a);
    const copy = await b.relays.ensure(b.core().routerId, CAMERA);
    await receives(await aViewer(copy));

    const moved = await Source.video(c.core(), [5555]);
    stops.push(() => moved.stop());
    publish(c, c.core(), CAMERA, { video: moved }, 2);
    directory.place(CAMERA, c.refOf(c.core()), 2);
    const old = copy.tracks.get('video')!.producer;
    before.close('moved');

    await eventually(() => (copy.epoch === 2 && old.closed ? undefined : 'still the old epoch'));
    expect(copy.closed).toBe(false);
    expect(copy.path).toEqual(['c', 'b']);
    await receives(await aViewer(copy));
    expect(b.relays.relays()).toMatchObject([{ epoch: 2, from: { nodeId: 'c' } }]);
  });

  it('never stops while an edge goes to a better parent, nor do those below it', async () => {
    const [a, b, c, d] = [await aNode('a'), await aNode('b'), await aNode('c'), await aNode('d')];
    await aCamera(a);
    // Each is watched at once, lest it lingers no longer.
    const onB = await b.relays.ensure(b.core().routerId, CAMERA);
    const near = await FollowingViewer.of(onB, 'video');
    const onC = await c.relays.ensure(c.core().routerId, CAMERA);
    await receives(await aViewer(onC));
    directory.place(CAMERA, b.refOf(b.core()), 1);
    const onD = await d.relays.ensure(d.core().routerId, CAMERA);
    const viewers = [near, await FollowingViewer.of(onD, 'video')] as const;
    for (const viewer of viewers) {
      stops.push(() => viewer.leave());
      await eventually(() => (viewer.packets > 10 ? undefined : 'no packets arrive'));
    }

    directory.place(CAMERA, c.refOf(c.core()), 1);
    b.relays.replan(b.relays.relays()[0]!);

    await eventually(() => (onD.path.join() === 'a,c,b,d' ? undefined : onD.path.join()));
    for (const viewer of viewers) {
      await eventually(
        () =>
          viewer.spans.length === 2 && viewer.sources === 1
            ? undefined
            : 'the old way is still open',
        10_000,
      );
      const [old, next] = viewer.spans;
      expect(next!.firstMs).toBeLessThan(old!.lastMs);
    }
    expect(b.relays.relays()).toMatchObject([{ epoch: 1, from: { nodeId: 'c' } }]);
    expect(onB.path).toEqual(['a', 'c', 'b']);
  });

  it('reaches a third node through the second', async () => {
    const [a, b, c] = [await aNode('a'), await aNode('b'), await aNode('c')];
    const origin = await aCamera(a);
    const onB = await b.relays.ensure(b.core().routerId, CAMERA);
    directory.place(CAMERA, b.refOf(b.core()), 1);
    const onC = await c.relays.ensure(c.core().routerId, CAMERA);
    const viewer = await aViewer(onC);
    await receives(viewer);

    expect(onC.path).toEqual(['a', 'b', 'c']);
    viewer.want(false);
    await eventually(() => (origin.copy.wanted ? 'still wanted at the origin' : undefined));
    expect(onB.wanted).toBe(false);
    viewer.want(true);
    await receives(viewer);
  });
});

describe('pipes', () => {
  it('are shared by all streams of two routers, in both directions', async () => {
    const [a, b] = [await aNode('a'), await aNode('b')];
    await aCamera(a);
    const onB = await b.relays.ensure(b.core().routerId, CAMERA);
    await receives(await aViewer(onB));

    await aCamera(b, SCREEN);
    const onA = await a.relays.ensure(a.core().routerId, SCREEN);
    await receives(await aViewer(onA));

    expect(onlyPipe(a).pipeId).toBe(onlyPipe(b).pipeId);
    expect(onlyPipe(a).users).toBe(2);
  });

  it('keep nothing of a stream that left, while they carry another', async () => {
    const [a, b] = [await aNode('a'), await aNode('b')];
    await aCamera(a);
    await aCamera(a, SCREEN);
    const camera = await Viewer.of(await b.relays.ensure(b.core().routerId, CAMERA), 'video');
    await aViewer(await b.relays.ensure(b.core().routerId, SCREEN));
    await receives(camera);
    expect(await countOn(b.core())).toMatchObject({ producers: 2 });
    const { consumers } = await countOn(a.core());

    camera.leave();

    await eventually(async () => {
      const { producers } = await countOn(b.core());
      return producers === 1 ? undefined : `${String(producers)} producers`;
    });
    // The other side hears of it a moment later.
    await eventually(async () => {
      const left = (await countOn(a.core())).consumers;
      return left === consumers - 1 ? undefined : `${String(left)} consumers`;
    });
    expect(onlyPipe(b).users).toBe(1);
  });

  it('work when both sides open one in the same moment', async () => {
    const [a, b] = [await aNode('a'), await aNode('b')];
    await aCamera(a);
    await aCamera(b, SCREEN);

    const [onB, onA] = await Promise.all([
      b.relays.ensure(b.core().routerId, CAMERA),
      a.relays.ensure(a.core().routerId, SCREEN),
    ]);

    await Promise.all([receives(await aViewer(onB)), receives(await aViewer(onA))]);
    expect(a.relays.pipes.list.size).toBeLessThanOrEqual(2);
  });

  it('between cores of one node need no encryption', async () => {
    const a = await aNode('a', 2);
    await aCamera(a, CAMERA, a.core(0));

    const copy = await a.relays.ensure(a.core(1).routerId, CAMERA);
    await receives(await aViewer(copy));

    expect(copy.path).toEqual(['a']);
    const pipe = a.relays.pipes.list.values().next().value!;
    expect((await pipe.transport.dump()).srtpParameters).toBeUndefined();
    expect(pipe.transport.tuple.remoteIp).toBe('127.0.0.1');
  });

  it('between cores close with their relays as those between nodes do', async () => {
    const a = await aNode('a', 2);
    await aCamera(a, CAMERA, a.core(0));
    const copy = await a.relays.ensure(a.core(1).routerId, CAMERA);
    const viewer = await Viewer.of(copy, 'video');
    await receives(viewer);

    viewer.leave();

    await nothingLeftOn(a.core(0), 1);
    await nothingLeftOn(a.core(1), 0);
    expect(a.relays.pipes.list.size).toBe(0);
  });
});

describe('when one side is gone', () => {
  it('the puller lets go of everything when its parent stops answering', async () => {
    const [a, b] = [await aNode('a'), await aNode('b')];
    await aCamera(a);
    const copy = await b.relays.ensure(b.core().routerId, CAMERA);
    await receives(await aViewer(copy));

    directory.remove(CAMERA);
    await a.server.stop(0);

    await eventually(() => (copy.closed ? undefined : 'the copy is open'));
    // The viewer's own transport is no business of the relay.
    await nothingLeftOn(b.core(), 1);
    await nothingLeftOn(a.core(), 1);
    expect(b.relays.pipes.list.size).toBe(0);
  });

  it('the parent lets go of everything when the puller is gone', async () => {
    const [a, b] = [await aNode('a'), await aNode('b')];
    const origin = await aCamera(a);
    const copy = await b.relays.ensure(b.core().routerId, CAMERA);
    await receives(await aViewer(copy));

    b.peers.close();
    b.workers.close();

    await nothingLeftOn(a.core(), 1);
    await eventually(() => (origin.copy.watched ? 'still watched' : undefined));
    expect(a.relays.feeds.size).toBe(0);
  });

  it('a worker that is killed takes its pipes along, on both sides', async () => {
    const [a, b] = [await aNode('a'), await aNode('b')];
    await aCamera(a);
    const copy = await b.relays.ensure(b.core().routerId, CAMERA);
    await receives(await aViewer(copy));
    const router = a.core();

    directory.remove(CAMERA);
    process.kill(a.workers.pids().get(router.routerId)!, 'SIGKILL');

    await eventually(() => (copy.closed ? undefined : 'the copy is open'));
    await nothingLeftOn(b.core(), 1);
    expect(a.relays.pipes.list.size).toBe(0);
    await eventually(() => (a.workers.list.length === 1 ? undefined : 'no worker came back'));
    expect(a.core().routerId).not.toBe(router.routerId);
  });

  it('a viewer goes on when its parent is killed and comes back elsewhere', async () => {
    const [a, b] = [await aNode('a', 2), await aNode('b')];
    await aCamera(a, CAMERA, a.core(0));
    const copy = await b.relays.ensure(b.core().routerId, CAMERA);
    await receives(await aViewer(copy));

    const again = await aCamera(a, CAMERA, a.core(1));
    again.copy.close('stream ended');
    publish(a, a.core(1), CAMERA, { video: again.source }, 2);
    directory.place(CAMERA, a.refOf(a.core(1)), 2);
    process.kill(a.workers.pids().get(a.core(0).routerId)!, 'SIGKILL');

    await eventually(() => (copy.epoch === 2 ? undefined : 'still the old epoch'));
    await eventually(async () => receives(await aViewer(copy)).then(() => undefined));
    expect(copy.closed).toBe(false);
  });

  it('a viewer goes on through another parent, with the same copy', async () => {
    const [a, b, c] = [await aNode('a'), await aNode('b'), await aNode('c')];
    await aCamera(a);
    const onB = await b.relays.ensure(b.core().routerId, CAMERA);
    await aViewer(onB);
    directory.place(CAMERA, b.refOf(b.core()), 1);
    const copy = await c.relays.ensure(c.core().routerId, CAMERA);
    await receives(await aViewer(copy));

    const tracksSeen = new Set<string>();
    copy.on('tracksChanged', () => tracksSeen.add([...copy.tracks.keys()].join()));

    directory.place(CAMERA, a.refOf(a.core()), 1);
    await b.stop();

    await eventually(() => (copy.path.join() === 'a,c' ? undefined : copy.path.join()));
    expect(copy.closed).toBe(false);
    await receives(await aViewer(copy));
    expect(directory.asked.at(-1)!.excluded).toContain(onB.router.routerId);
    // Never without its track, so whoever watches offers its client a new source, not an end.
    expect([...tracksSeen]).toEqual(['video']);
  });
});
