import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Router, Worker } from 'mediasoup/types';
import { numberingOf, slotsOf } from '../src/index.js';
import { BrowserPage, type InboundStats } from './browser.js';
import { MEDIA_CODECS, Peer, startWorker } from './peer.js';

/** Chromium sends three layers from 960 x 540 upwards. */
const LARGE = `{ audio: true, video: { width: 1280, height: 720, frameRate: 15 } }`;
const LAYERS = `[{ rid: 'l', scaleResolutionDownBy: 4 }, { rid: 'm', scaleResolutionDownBy: 2 }, { rid: 'h' }]`;

let worker: Worker;
/** Pipes keep a producer's id, so their ends must be in two processes. */
let otherWorker: Worker;
let router: Router;
let browser: BrowserPage;
let connections = 0;

beforeAll(async () => {
  worker = await startWorker();
  otherWorker = await startWorker();
  router = await worker.createRouter({ mediaCodecs: MEDIA_CODECS });
  browser = await BrowserPage.open(process.env['SLUICE_CHROMIUM']);
});

afterAll(async () => {
  await browser.close();
  worker.close();
  otherWorker.close();
});

afterEach(async () => {
  await browser.run(
    `for (const name of [...Array(${connections}).keys()]) pc('pc' + name).close();`,
  );
});

/** A name for a PeerConnection of the page that no test has used. */
function newName(): string {
  connections += 1;
  return `pc${connections - 1}`;
}

async function publish(
  name: string,
  script: string,
  options: Parameters<typeof Peer.open>[1] = {},
): Promise<Peer> {
  const peer = await Peer.open(router, options);
  await browser.run(script.replaceAll('PC', `pc('${name}')`));
  await browser.takeAnswer(name, await peer.answer(await browser.offer(name)));
  return peer;
}

async function renegotiate(name: string, peer: Peer): Promise<void> {
  await browser.takeAnswer(name, await peer.answer(await browser.offer(name)));
}

async function offerTo(name: string, peer: Peer): Promise<void> {
  await peer.takeAnswer(await browser.answer(name, peer.negotiation.createOffer()));
}

/** Waits until each of `mids` has decoded some frames, or heard something, more than by now. */
async function flows(name: string, mids: readonly string[]): Promise<InboundStats[]> {
  const before = await browser.inbound(name);
  const amount = (stats: InboundStats | undefined) =>
    (stats?.kind === 'video' ? stats.framesDecoded : stats?.totalAudioEnergy) ?? 0;
  return vi.waitFor(
    async () => {
      const now = await browser.inbound(name);
      for (const mid of mids) {
        const then = amount(before.find((stats) => stats.mid === mid));
        expect(amount(now.find((stats) => stats.mid === mid)), `mid ${mid} flows`).toBeGreaterThan(
          then,
        );
      }
      return now;
    },
    { timeout: 20_000, interval: 100 },
  );
}

describe('a page that publishes by its own offers and one that is offered to', () => {
  it('carries VP8 simulcast and Opus, and renegotiates tracks both ways', async () => {
    const [out, back] = [newName(), newName()];
    const publisher = await publish(
      out,
      `const stream = await camera(${LARGE}); const [audio] = stream.getAudioTracks(); const [video] = stream.getVideoTracks();
       PC.addTransceiver(audio, { direction: 'sendonly', streams: [stream] });
       PC.addTransceiver(video, { direction: 'sendonly', streams: [stream], sendEncodings: ${LAYERS} });`,
    );
    const viewer = await Peer.open(router);
    const audio = await viewer.send(publisher.producers.get('0')!, 'alice');
    const video = await viewer.send(publisher.producers.get('1')!, 'alice');
    await offerTo(back, viewer);
    const stats = await flows(back, [audio, video]);
    expect(stats.map((entry) => entry.trackIdentifier).sort()).toEqual([
      'alice-audio',
      'alice-video',
    ]);

    // All three layers arrive, each told by its rid, the smallest first.
    await vi.waitFor(
      async () => {
        const streams = await publisher.producers.get('1')!.getStats();
        expect(streams.map((stream) => stream.rid).sort()).toEqual(['h', 'l', 'm']);
      },
      { timeout: 20_000 },
    );

    // A track more, on both sides.
    await browser.run(
      `const [video] = (await camera({ video: true })).getVideoTracks(); pc('${out}').addTrack(video);`,
    );
    await renegotiate(out, publisher);
    expect([...publisher.producers.keys()]).toEqual(['0', '1', '2']);
    const screen = await viewer.send(publisher.producers.get('2')!, 'alice-screen');
    expect(viewer.negotiation.offerNeeded).toBe(true);
    await offerTo(back, viewer);
    expect(viewer.negotiation.offerNeeded).toBe(false);
    await flows(back, [audio, video, screen]);

    // One stopped, and its m-line taken by another.
    await browser.run(`pc('${out}').getTransceivers()[1].stop();`);
    await renegotiate(out, publisher);
    expect([...publisher.producers.keys()]).toEqual(['0', '2']);
    viewer.stop(video);
    await offerTo(back, viewer);
    await flows(back, [audio, screen]);
    await browser.run(
      `const [video] = (await camera({ video: true })).getVideoTracks(); pc('${out}').addTransceiver(video, { direction: 'sendonly' });`,
    );
    await renegotiate(out, publisher);
    const sections = await browser.run<string[]>(
      `return pc('${out}').localDescription.sdp.split('\\r\\n').filter((line) => line.startsWith('a=mid:'));`,
    );
    expect(sections).toEqual(['a=mid:0', 'a=mid:3', 'a=mid:2']);
    const again = await viewer.send(publisher.producers.get('3')!, 'alice-again');
    await offerTo(back, viewer);
    expect(again).not.toBe(video);
    await flows(back, [audio, screen, again]);
    const mLines = await browser.run<number>(
      `return pc('${back}').remoteDescription.sdp.split('\\r\\nm=').length - 1;`,
    );
    expect(mLines).toBe(3);

    // The first m-line, which speaks for the transport, falls idle and comes back.
    viewer.stop(audio);
    await offerTo(back, viewer);
    await flows(back, [screen, again]);
    const music = await viewer.send(publisher.producers.get('0')!, 'alice-music');
    expect(music).toBe(audio);
    await offerTo(back, viewer);
    await flows(back, [music, screen, again]);

    // Unchanged offers change nothing.
    await renegotiate(out, publisher);
    expect([...publisher.producers.keys()]).toEqual(['0', '2', '3']);
  });

  it('keeps the layers of a simulcast that falls silent and comes back', async () => {
    const out = newName();
    const publisher = await publish(
      out,
      `const [video] = (await camera(${LARGE})).getVideoTracks();
       PC.addTransceiver(video, { direction: 'sendonly', sendEncodings: ${LAYERS} });`,
    );
    await browser.run(`pc('${out}').getTransceivers()[0].direction = 'inactive';`);
    await renegotiate(out, publisher);
    expect(publisher.producers.size).toBe(0);

    await browser.run(`pc('${out}').getTransceivers()[0].direction = 'sendonly';`);
    await renegotiate(out, publisher);
    await vi.waitFor(
      async () => {
        const streams = await publisher.producers.get('0')!.getStats();
        expect(streams.map((stream) => stream.rid).sort()).toEqual(['h', 'l', 'm']);
      },
      { timeout: 20_000 },
    );
  });

  it('survives ICE restarts from either side', async () => {
    const [out, back] = [newName(), newName()];
    const publisher = await publish(out, `PC.addTrack((await camera()).getVideoTracks()[0]);`);
    const viewer = await Peer.open(router);
    const mid = await viewer.send(publisher.producers.get('0')!, 'bob');
    await offerTo(back, viewer);
    await flows(back, [mid]);
    const before = publisher.transport.iceParameters.usernameFragment;
    await browser.takeAnswer(
      out,
      await publisher.answer(await browser.offer(out, '{ iceRestart: true }')),
    );
    expect(publisher.transport.iceParameters.usernameFragment).not.toBe(before);
    await flows(back, [mid]);

    viewer.negotiation.restartIce(await viewer.transport.restartIce());
    expect(viewer.negotiation.offerNeeded).toBe(true);
    await offerTo(back, viewer);
    await flows(back, [mid]);
    const ufrag = await browser.run<string>(
      `return /a=ice-ufrag:(\\S+)/.exec(pc('${back}').remoteDescription.sdp)[1];`,
    );
    expect(ufrag).toBe(viewer.transport.iceParameters.usernameFragment);
    await vi.waitFor(async () => {
      expect(await browser.run(`return pc('${back}').iceConnectionState;`)).toBe('connected');
    });
  });

  it.each(['active', 'passive'])('connects to a client that offers setup:%s', async (setup) => {
    const name = newName();
    const peer = await Peer.open(router);
    await browser.run(`pc('${name}').addTrack((await camera()).getVideoTracks()[0]);`);
    const offer = (await browser.offer(name)).replaceAll('a=setup:actpass', `a=setup:${setup}`);
    await browser.takeAnswer(name, await peer.answer(offer));
    await vi.waitFor(() => expect(peer.transport.dtlsState).toBe('connected'), { timeout: 10_000 });
    expect(peer.transport.dtlsParameters.role).toBe(setup === 'active' ? 'server' : 'client');
  });

  it('opens data channels where the transport has SCTP, and declines them where not', async () => {
    const [open, shut] = [newName(), newName()];
    const peer = await publish(open, `PC.createDataChannel('x');`, { sctp: true });
    await vi.waitFor(() => expect(peer.transport.sctpState).toBe('connected'), { timeout: 10_000 });
    const sdp = await browser.run<string>(
      `pc('${shut}').createDataChannel('x'); pc('${shut}').addTrack((await camera()).getAudioTracks()[0]);
       await pc('${shut}').setLocalDescription(); return pc('${shut}').localDescription.sdp;`,
    );
    const without = await Peer.open(router);
    const answer = await without.answer(sdp);
    expect(answer).toMatch(/^m=application 0 /m);
    expect(answer).toMatch(/^m=audio 9 /m);
    await browser.takeAnswer(shut, answer);
  });
});

describe('every codec that a page may publish', () => {
  it.each(['video/VP8', 'video/VP9', 'video/H264', 'video/AV1'])(
    '%s is decoded at the far end',
    async (mimeType) => {
      const [out, back] = [newName(), newName()];
      const publisher = await publish(
        out,
        `const transceiver = PC.addTransceiver((await camera()).getVideoTracks()[0], { direction: 'sendonly' });
       prefer(transceiver, '${mimeType}');`,
      );
      const producer = publisher.producers.get('0')!;
      expect(producer.rtpParameters.codecs[0]?.mimeType).toBe(mimeType);
      const viewer = await Peer.open(router);
      const mid = await viewer.send(producer, 'codec');
      await offerTo(back, viewer);
      await flows(back, [mid]);
      expect(producer.rtpParameters.codecs[1]?.mimeType).toBe('video/rtx');
    },
  );

  it('takes the largest layer of a simulcast by VP9 when there is nothing else in common', async () => {
    const [out, back] = [newName(), newName()];
    const only = await worker.createRouter({
      mediaCodecs: [{ kind: 'video', mimeType: 'video/VP9', clockRate: 90_000 }],
    });
    const peer = await Peer.open(only);
    await browser.run(
      `const transceiver = pc('${out}').addTransceiver((await camera()).getVideoTracks()[0], { direction: 'sendonly',
         sendEncodings: [{ rid: 'a', scaleResolutionDownBy: 4, scalabilityMode: 'L1T1' }, { rid: 'b', scaleResolutionDownBy: 2, scalabilityMode: 'L1T1' }, { rid: 'c', scalabilityMode: 'L1T1' }] });
       prefer(transceiver, 'video/VP9');`,
    );
    await browser.takeAnswer(out, await peer.answer(await browser.offer(out)));
    const viewer = await Peer.open(only);
    const mid = await viewer.send(peer.producers.get('0')!, 'vp9');
    await offerTo(back, viewer);
    await flows(back, [mid]);
    await vi.waitFor(
      async () => expect((await browser.inbound(back))[0]?.frameWidth).toBeGreaterThan(320),
      {
        timeout: 20_000,
      },
    );
  });
});

describe('one PeerConnection both ways, on which the page offers first', () => {
  it.each([
    ['from the start', true],
    ['only later', false],
  ])('carries tracks both ways when that was known %s', async (_when, bothWays) => {
    const [out, both] = [newName(), newName()];
    const publisher = await publish(
      out,
      `const stream = await camera(); for (const track of stream.getTracks()) PC.addTrack(track, stream);`,
    );
    const peer = await publish(
      both,
      `const stream = await camera(${LARGE}); PC.addTransceiver(stream.getAudioTracks()[0], { direction: 'sendonly', streams: [stream] });
       PC.addTransceiver(stream.getVideoTracks()[0], { direction: 'sendonly', streams: [stream], sendEncodings: ${LAYERS} });`,
      { bothWays },
    );
    const [microphone, camera] = [peer.producers.get('0'), peer.producers.get('1')];
    expect(peer.negotiation.offerNeeded).toBe(bothWays);
    const estimates: unknown[] = [];
    await peer.transport.enableTraceEvent(['bwe']);
    peer.transport.on('trace', ({ info }) => estimates.push(info));
    const audio = await peer.send(publisher.producers.get('0')!, 'carol');
    const video = await peer.send(publisher.producers.get('1')!, 'carol');
    await offerTo(both, peer);
    expect(peer.negotiation.offerNeeded).toBe(false);
    await flows(both, [audio, video]);
    const consumer = peer.consumers.get(video)!;
    expect(consumer.rtpParameters.codecs.map((codec) => codec.mimeType)).toEqual([
      'video/VP8',
      'video/rtx',
    ]);
    // What it publishes goes on, layers included.
    await vi.waitFor(
      async () => expect((await peer.producers.get('1')!.getStats()).length).toBe(3),
      { timeout: 20_000 },
    );
    // Bandwidth is estimated in both directions where ids were unified, else for what it publishes.
    const dump = await peer.transport.dump();
    expect(dump.recvRtpHeaderExtensions.transportWideCc01).toBe(bothWays ? 5 : 3);
    if (bothWays) await vi.waitFor(() => expect(estimates).not.toHaveLength(0));
    else expect(estimates).toHaveLength(0);
    // And so do its own offers; the same producers serve all along.
    await browser.run(
      `pc('${both}').addTrack((await camera({ video: true })).getVideoTracks()[0]);`,
    );
    await renegotiate(both, peer);
    await flows(both, [audio, video]);
    expect([peer.producers.get('0'), peer.producers.get('1')]).toEqual([microphone, camera]);
    expect(camera?.closed).toBe(false);
    const added = [...peer.producers.values()].at(-1)!;
    await vi.waitFor(
      async () => expect((await added.getStats())[0]?.byteCount).toBeGreaterThan(0),
      { timeout: 10_000 },
    );
  });
});

describe('a page that offers to receive', () => {
  it('plays from a router in its own numbering, with retransmission', async () => {
    const [out, watch] = [newName(), newName()];
    const publisher = await publish(
      out,
      `const stream = await camera(); for (const track of stream.getTracks()) PC.addTrack(track, stream);`,
    );
    const offer = await browser.run<string>(
      `pc('${watch}').addTransceiver('audio', { direction: 'recvonly' }); pc('${watch}').addTransceiver('video', { direction: 'recvonly' });
       await pc('${watch}').setLocalDescription(); return pc('${watch}').localDescription.sdp;`,
    );
    const slots = slotsOf(offer);
    const numbered = await otherWorker.createRouter({
      mediaCodecs: numberingOf(slots).mediaCodecs,
    });
    const viewer = await Peer.open(numbered);
    const { connect } = viewer.negotiation.receiveOffer(offer);
    await viewer.transport.connect({ dtlsParameters: connect! });
    const sending = new Map();
    for (const [mid, source] of [
      ['0', '0'],
      ['1', '1'],
    ] as const) {
      const { pipeProducer } = await router.pipeToRouter({
        producerId: publisher.producers.get(source)!.id,
        router: numbered,
      });
      sending.set(mid, await viewer.consume(pipeProducer!, mid, 'dave'));
    }
    await browser.takeAnswer(watch, viewer.negotiation.answer({ sending }));
    for (const consumer of viewer.consumers.values()) await consumer.resume();
    await flows(watch, ['0', '1']);
    const video = viewer.consumers.get('1')!;
    expect(video.rtpParameters.codecs.map((codec) => codec.payloadType)).toEqual([96, 97]);
    expect(video.rtpParameters.encodings?.[0]?.rtx).toBeDefined();
  });
});
