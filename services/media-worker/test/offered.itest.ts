import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { TrackKind } from '@sluice/proto-gen/common';
import { eventually } from '@sluice/testing';
import type { RunningMediaNode } from '../src/compose.js';
import { LOWEST_WIDTH, type PagePeer } from './browser.fixture.js';
import { NodeCalls, type SessionCalls } from './session.fixture.js';
import { aStage } from './stage.fixture.js';

const BOTH = { receive: ['audio', 'video'] } as const;

const stage = aStage();
let near: RunningMediaNode;
let far: RunningMediaNode;
let publishing: NodeCalls;
let watching: NodeCalls;

beforeAll(async () => {
  const environment = { SLUICE_RELAY_LINGER_MS: '300' };
  near = await stage.cluster.startNode('near', environment);
  far = await stage.cluster.startNode('far', environment);
  publishing = new NodeCalls(near);
  watching = new NodeCalls(far);
});

afterAll(() => {
  publishing.close();
  watching.close();
});

afterEach(() => {
  near.node.close('test over');
  far.node.close('test over');
});

const peer = (name: string) => stage.peer(name);

function player(name: string, node = watching): Promise<SessionCalls> {
  return node.open(stage.room, name, { unattended: true, present: false });
}

async function publisher(what: Parameters<PagePeer['offer']>[0]): Promise<SessionCalls> {
  const anna = await publishing.open(stage.room, 'anna');
  anna.watch();
  await peer('up').publish(anna, what);
  return anna;
}

async function plays(session: SessionCalls, name: string): Promise<PagePeer> {
  const down = peer(name);
  const { sdp } = await session.subscribeByOffer('anna', await down.offer(BOTH));
  await down.accept(sdp);
  return down;
}

async function producersOn(running: RunningMediaNode): Promise<number> {
  const dump = await running.workers.list[0]!.router.dump();
  return dump.mapProducerIdConsumerIds.length;
}

const sessionsOn = (running: RunningMediaNode) => running.node.sessions.length;

test('what a host mutes is not to be heard until it is no longer muted', async () => {
  const anna = await publisher({ audio: 1, video: 1 });
  const down = await plays(await player('ben'), 'down');
  await down.decodes(1);
  await anna.setMuted(true, TrackKind.TRACK_KIND_AUDIO);
  await down.standsStill('audio');
  await down.flows('video');
  const [stream] = (await publishing.state()).streams;
  expect(stream?.tracks.map(({ kind, paused }) => [kind, paused])).toEqual([
    [TrackKind.TRACK_KIND_AUDIO, true],
    [TrackKind.TRACK_KIND_VIDEO, false],
  ]);
  await anna.setMuted(false);
  await down.flows('audio');
});

describe('clients that offer to receive', () => {
  test('decode a stream of another node, with retransmission, and share its copy', async () => {
    await publisher({ audio: 1, video: 1 });
    const first = await plays(await player('ben'), 'first');
    await first.decodes(1);
    await eventually(async () => {
      const audio = (await first.received()).find(({ kind }) => kind === 'audio');
      return (audio?.audioEnergy ?? 0) > 0 ? undefined : 'silence';
    });
    // Two that the relay made, and each again in the numbers of the browser.
    expect(await producersOn(far)).toBe(4);
    const second = await plays(await player('carla'), 'second');
    await second.decodes(1);
    expect(await producersOn(far)).toBe(4);
    await first.close();
    await second.close();
    await eventually(async () => {
      const left = [sessionsOn(far), await producersOn(far)];
      return left.every((count) => count === 0) ? undefined : `left: ${left.join()}`;
    });
  });

  test('negotiate RTX under their own payload type', async () => {
    await publisher({ video: 1 });
    const down = peer('down');
    const session = await player('ben', publishing);
    const { sdp } = await session.subscribeByOffer('anna', await down.offer(BOTH));
    expect(sdp).toMatch(/^a=rtpmap:97 rtx\/90000$/m);
    expect(sdp).toMatch(/^a=fmtp:97 apt=96$/m);
    expect(sdp).toMatch(/^a=ssrc-group:FID /m);
    await down.accept(sdp);
    await down.decodes(1);
  });

  test.each(['VP9', 'H264', 'AV1'])('decode %s', async (codec) => {
    await publisher({ video: 1, codec });
    const down = await plays(await player('ben'), 'down');
    await down.decodes(1);
  });

  test('get the layers of simulcast that are wanted', async () => {
    await publisher({ video: 1, simulcast: true });
    const session = await player('ben');
    const down = await plays(session, 'down');
    await down.hasWidth((width) => width > LOWEST_WIDTH * 2);
    await session.setLayers('anna', { spatial: 0 });
    await down.hasWidth((width) => width === LOWEST_WIDTH);
  });

  test('get what the stream has of what they offer', async () => {
    await publisher({ audio: 1 });
    const down = peer('down');
    const session = await player('ben');
    const { sdp } = await session.subscribeByOffer('anna', await down.offer(BOTH));
    const [audio, video] = sdp.split('\r\nm=').slice(1);
    expect(audio).toMatch(/^audio .*a=sendonly/s);
    expect(video).toMatch(/^video .*a=inactive/s);
    await down.accept(sdp);
    await down.flows('audio');
  });

  test('are told what cannot be had, and nothing is left of them', async () => {
    const offer = await peer('down').offer(BOTH);
    const early = await player('ben');
    await expect(early.subscribeByOffer('anna', offer)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await publisher({ video: 1 });
    const deaf = await peer('deaf').offer({ receive: ['audio'] });
    const listening = await player('carla');
    await expect(listening.subscribeByOffer('anna', deaf)).rejects.toMatchObject({
      code: 'CANNOT_CONSUME',
    });
    const broken = await player('dora');
    await expect(broken.subscribeByOffer('anna', 'v=0')).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await eventually(() => (sessionsOn(far) === 0 ? undefined : 'sessions are left'));
  });

  test('end with the stream', async () => {
    const anna = await publisher({ video: 1 });
    const down = await plays(await player('ben'), 'down');
    await down.decodes(1);
    await anna.unpublish();
    await eventually(() => (sessionsOn(far) === 0 ? undefined : 'the player is left'), 10_000);
  });

  test('end when the publisher makes a new PeerConnection, and may come again', async () => {
    const anna = await publisher({ video: 1 });
    const down = await plays(await player('ben'), 'down');
    await down.decodes(1);
    await peer('up again').publish(anna, { video: 1 });
    await eventually(() => (sessionsOn(far) === 0 ? undefined : 'the player is left'), 10_000);
    const again = await plays(await player('ben'), 'again');
    await again.decodes(1);
  });

  test('restart ICE by a fragment', async () => {
    await publisher({ video: 1 });
    const down = peer('down');
    const session = await player('ben');
    const { sdp } = await session.subscribeByOffer('anna', await down.offer(BOTH));
    await down.accept(sdp);
    await down.decodes(1);
    const [, known = ''] = /a=ice-ufrag:(\S+)/.exec(sdp) ?? [];
    const restarted = await down.restart();
    const [, ufrag = ''] = /a=ice-ufrag:(\S+)/.exec(restarted) ?? [];
    const [, password = ''] = /a=ice-pwd:(\S+)/.exec(restarted) ?? [];
    const fragment = `m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=ice-ufrag:${ufrag}\r\na=ice-pwd:${password}\r\n`;
    expect(await session.updateIce('another', fragment)).toMatchObject({ stale: true });
    const ours = await session.updateIce('*', fragment);
    expect(ours.usernameFragment).not.toBe(known);
    expect(ours.fragment).toContain(`a=ice-ufrag:${ours.usernameFragment}`);
    const [, ourPassword = ''] = /a=ice-pwd:(\S+)/.exec(ours.fragment) ?? [];
    await down.accept(
      sdp
        .replaceAll(/a=ice-ufrag:\S+/g, `a=ice-ufrag:${ours.usernameFragment}`)
        .replaceAll(/a=ice-pwd:\S+/g, `a=ice-pwd:${ourPassword}`),
    );
    await down.decodes(1);
    expect(await session.updateIce(ours.usernameFragment, fragment)).toMatchObject({
      stale: false,
      fragment: '',
    });
  });
});

describe('a session that nobody watches', () => {
  test('gets all that it subscribes to in one offer of ours', async () => {
    await publisher({ video: 1 });
    const ben = await publishing.open(stage.room, 'ben');
    ben.watch();
    await peer('up too').publish(ben, { audio: 1, video: 1 });
    const session = await player('carla');
    expect(await session.gather('anna', 'all')).toEqual({ sdp: '' });
    const { sdp } = await session.subscribe('ben', 'all');
    expect(sdp.match(/^a=sendonly/gm)).toHaveLength(3);
    const down = peer('down');
    await session.answerOn('all', await down.answer(sdp));
    await down.decodes(2);
  });

  test('ends with its PeerConnection, and is not taken for one that was left', async () => {
    const anna = await publishing.open(stage.room, 'anna', { unattended: true });
    const up = peer('up');
    await up.publish(anna, { video: 1 });
    const other = await publishing.open(stage.room, 'anna', { unattended: true });
    const offer = await peer('again').offer({ video: 1 });
    await expect(other.publish(offer)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
    await eventually(() => (sessionsOn(near) === 1 ? undefined : 'the refused one is left'));
    await up.close();
    await eventually(() => (sessionsOn(near) === 0 ? undefined : 'still there'), 10_000);
  });
});
