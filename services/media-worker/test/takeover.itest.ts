import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { callUnary } from '@sluice/grpc-kit';
import { eventually } from '@sluice/testing';
import type { RunningMediaNode } from '../src/compose.js';
import { GapWatch } from './browser.fixture.js';
import { NodeCalls, type SessionCalls } from './session.fixture.js';
import { aStage } from './stage.fixture.js';

/** No promise, which fault runs measure; other tests may have the machine to themselves just now. */
const BROKEN_MS = 5_000;

const stage = aStage('takeover');
let running: RunningMediaNode[];
let nodes: NodeCalls[];

beforeEach(async () => {
  running = await Promise.all(
    ['a', 'b', 'c'].map((name) => stage.cluster.startNode(`${name}-${String(stage.turn)}`)),
  );
  nodes = running.map((node) => new NodeCalls(node));
  const { directory } = stage.cluster;
  await eventually(async () => {
    const call = directory.listNodes.bind(directory);
    const { nodes: listed } = await callUnary(directory, call, {}, 5_000);
    const addresses = listed.map(({ grpcAddress }) => grpcAddress);
    const known = running.every(({ grpcAddress }) => addresses.includes(grpcAddress));
    return known ? undefined : 'the directory does not know all nodes';
  });
});

afterEach(async () => {
  for (const node of nodes) node.close();
  await Promise.all(running.map((node) => stage.cluster.stopNode(node)));
});

async function aViewer(node: NodeCalls, name: string, overlap = false): Promise<SessionCalls> {
  const session = await node.open(stage.room, name);
  session.watch();
  const down = stage.peer(name);
  await down.watch(session, 'anna', overlap);
  await down.decodes(1);
  return session;
}

const follows = (session: SessionCalls, path: readonly string[]) =>
  eventually(async () => {
    const now = (await session.stats()).subscriptions[0]?.path ?? [];
    return now.join() === path.join() ? undefined : `the path is ${now.join()}`;
  });

/** M-lines on which an offer has a picture. */
function picturesIn({ value }: { readonly value: { readonly sdp: string } }): number {
  const sections = value.sdp.split('\r\nm=');
  return sections.filter((one) => one.startsWith('video') && one.includes('a=sendonly')).length;
}

describe('a session that takes over from another', () => {
  test('while the old node drains, viewers everywhere go on receiving', async () => {
    const [a, b, c] = nodes as [NodeCalls, NodeCalls, NodeCalls];
    const old = await a.open(stage.room, 'anna');
    old.watch();
    const before = await stage.peer('old').publish(old, { audio: 1, video: 1 });
    expect(before.tracks).toHaveLength(2);
    const viewers = {
      ben: await aViewer(a, 'ben'),
      cora: await aViewer(b, 'cora'),
      dan: await aViewer(c, 'dan'),
      eve: await aViewer(c, 'eve', true),
    };
    const watches = await Promise.all(
      Object.keys(viewers).map((name) => GapWatch.start(stage.page, name, [name])),
    );

    await a.drain(20_000);
    await eventually(() => (old.eventsOf('move').length === 1 ? undefined : 'not asked to move'));
    const anna = await b.open(stage.room, 'anna', { replacesSessionId: old.sessionId });
    anna.watch();
    await stage.peer('new').publish(anna, { audio: 1, video: 1 });

    const [idA, idB, idC] = ['a', 'b', 'c'].map((name) => `${name}-${String(stage.turn)}`);
    await follows(viewers.ben, [idB!, idA!]);
    await follows(viewers.cora, [idB!]);
    await follows(viewers.dan, [idB!, idC!]);
    await follows(viewers.eve, [idB!, idC!]);
    for (const name of Object.keys(viewers)) await stage.peer(name).decodes(1);
    // What is left of the old origin ends after a while, and must not have been needed.
    await eventually(async () =>
      (await a.state()).sessions.some(({ participant }) => participant === 'anna')
        ? 'the old session lives'
        : undefined,
    );
    await eventually(() => (old.watchEnd === 'ended' ? undefined : 'still watched'));
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    for (const name of Object.keys(viewers)) await stage.peer(name).decodes(1);
    expect(viewers.dan.eventsOf('subscriptionOffered').map(picturesIn)).toEqual([1]);
    // Who said that it can show either, had both for a moment.
    expect(viewers.eve.eventsOf('subscriptionOffered').map(picturesIn)).toEqual([2, 1]);
    for (const [index, name] of Object.keys(viewers).entries()) {
      const gaps = await watches[index]!.gaps();
      console.info(`takeover, ${name}: ${JSON.stringify(gaps)}`);
      expect(Math.max(gaps.audioMs, gaps.videoMs)).toBeLessThan(BROKEN_MS);
    }
  });
});
