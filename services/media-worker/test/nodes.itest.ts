import { once } from 'node:events';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callUnary } from '@sluice/grpc-kit';
import { Bus, SUBJECTS } from '@sluice/nats-kit';
import { Fact, Heartbeat } from '@sluice/proto-gen/facts';
import { NodeState } from '@sluice/proto-gen/common';
import { StreamDirectoryService } from '@sluice/proto-gen/stream_directory';
import { eventually } from '@sluice/testing';
import type { RunningMediaNode } from '../src/compose.js';
import { LOWEST_WIDTH, PagePeer, launchBrowser, openPage } from './browser.fixture.js';
import { startTestCluster, type TestCluster } from './cluster.fixture.js';
import { offerOf } from './offer.fixture.js';
import { NodeCalls } from './session.fixture.js';

let cluster: TestCluster;
let browser: Browser;

beforeAll(async () => {
  [cluster, browser] = await Promise.all([startTestCluster(), launchBrowser()]);
});

afterAll(async () => {
  await browser.close();
  await cluster[Symbol.asyncDispose]();
});

async function known(...nodes: readonly RunningMediaNode[]): Promise<void> {
  const { directory } = cluster;
  await eventually(async () => {
    const call = directory.listNodes.bind(directory);
    const { nodes: listed } = await callUnary(directory, call, {}, 5_000);
    const addresses = listed.map(({ grpcAddress }) => grpcAddress);
    const missing = nodes.filter(({ grpcAddress }) => !addresses.includes(grpcAddress));
    return missing.length === 0 ? undefined : `${String(missing.length)} nodes unknown`;
  });
}

describe('two nodes', () => {
  test('a viewer on the other node decodes over a relay, which ends with the last viewer', async () => {
    const [first, second] = await Promise.all([
      cluster.startNode('origin', { SLUICE_RELAY_LINGER_MS: '200' }),
      cluster.startNode('edge', { SLUICE_RELAY_LINGER_MS: '200' }),
    ]);
    await known(first, second);
    const [origin, edge] = [new NodeCalls(first), new NodeCalls(second)];
    const page = await openPage(browser);
    const anna = await origin.open('both', 'anna');
    anna.watch();
    const up = new PagePeer(page, 'up');
    await up.publish(anna, { audio: 1, video: 1, simulcast: true });

    const viewers = await Promise.all(
      ['ben', 'cora', 'dan'].map(async (name) => {
        const session = await edge.open('both', name);
        session.watch();
        const peer = new PagePeer(page, name);
        await peer.watch(session, 'anna');
        return { session, peer };
      }),
    );
    await Promise.all(viewers.map(({ peer }) => peer.decodes(1)));
    expect((await edge.state()).relays).toHaveLength(1);
    const [ben] = viewers;
    expect((await ben!.session.stats()).subscriptions[0]?.path).toEqual(['origin', 'edge']);

    await ben!.session.setLayers('anna', { spatial: 0 });
    await ben!.peer.hasWidth((width) => width === LOWEST_WIDTH);

    await up.publish(anna, { video: 1 });
    await ben!.peer.decodes(2);

    for (const { session } of viewers) await session.closeSession();
    await eventually(async () => {
      const { relays } = await edge.state();
      return relays.length === 0 ? undefined : 'the relay is still there';
    });
    await page.close();
    origin.close();
    edge.close();
    await Promise.all([cluster.stopNode(first), cluster.stopNode(second)]);
  });

  test('a detached session on one node lets its name go to a session on the other', async () => {
    const [first, second] = await Promise.all([
      cluster.startNode('yields-1'),
      cluster.startNode('yields-2'),
    ]);
    await known(first, second);
    const [one, two] = [new NodeCalls(first), new NodeCalls(second)];
    const page = await openPage(browser);
    const old = await one.open('yields', 'anna');
    await new PagePeer(page, 'old').publish(old, { video: 1 });
    const viewers = await Promise.all(
      [one, two].map(async (node, index) => {
        const session = await node.open('yields', `viewer-${String(index)}`);
        session.watch();
        const down = new PagePeer(page, `down-${String(index)}`);
        await down.watch(session, 'anna');
        await down.decodes(1);
        return { session, down };
      }),
    );

    const anna = await two.open('yields', 'anna');
    anna.watch();
    await new PagePeer(page, 'new').publish(anna, { video: 1 });
    // Viewers follow the stream: from the first node over a relay, on the second to where they are.
    const expected = [['yields-2', 'yields-1'], ['yields-2']];
    for (const [index, { session, down }] of viewers.entries()) {
      await eventually(async () => {
        const path = (await session.stats()).subscriptions[0]?.path ?? [];
        return path.join() === expected[index]?.join() ? undefined : `path is ${path.join()}`;
      });
      await down.decodes(1);
    }
    expect((await one.state()).streams).toEqual([]);
    await page.close();
    one.close();
    two.close();
    await Promise.all([cluster.stopNode(first), cluster.stopNode(second)]);
  });
});

describe('what a node says', () => {
  test('facts carry rising revisions, and the state read afterwards includes the last one', async () => {
    const bus = Bus.open({ url: cluster.nats.url, name: 'test' });
    await bus.connection();
    const facts: Fact[] = [];
    const listening = bus.listen(SUBJECTS.roomFact('telling', 'teller'), (payload) =>
      facts.push(Fact.decode(payload)),
    );
    await bus.flush();
    const running = await cluster.startNode('teller');
    await known(running);
    const node = new NodeCalls(running);
    const page = await openPage(browser);
    const anna = await node.open('telling', 'anna');
    anna.watch();
    await new PagePeer(page, 'up').publish(anna, { audio: 1, video: 1 });
    await eventually(() =>
      facts.some(({ fact }) => fact?.$case === 'speakersChanged') ? undefined : 'nobody speaks',
    );
    const speaking = facts.find(({ fact }) => fact?.$case === 'speakersChanged');
    expect(speaking).toMatchObject({
      revision: 0,
      fact: { value: { room: 'telling', speakers: [{ participant: 'anna' }] } },
    });
    await anna.unpublish();
    await anna.closeSession('left');
    await eventually(() =>
      facts.some(({ fact }) => fact?.$case === 'sessionClosed') ? undefined : 'still open',
    );
    const lasting = facts.filter(({ revision }) => revision > 0);
    expect(lasting.map(({ fact }) => fact?.$case)).toEqual([
      'sessionOpened',
      'sessionChanged',
      'streamPublished',
      'streamEnded',
      'sessionClosed',
    ]);
    expect(lasting.map(({ revision }) => revision)).toEqual([1, 2, 3, 4, 5]);
    expect(await node.state()).toMatchObject({ revision: 5, sessions: [], streams: [] });
    listening.stop();
    await bus.close();
    await page.close();
    node.close();
    await cluster.stopNode(running);
  });
});

describe('draining', () => {
  test('a draining node refuses sessions, tells those it has, and says so in its heartbeat', async () => {
    const bus = Bus.open({ url: cluster.nats.url, name: 'test' });
    await bus.connection();
    const states: NodeState[] = [];
    const listening = bus.listen(SUBJECTS.heartbeat('drained'), (payload) =>
      states.push(Heartbeat.decode(payload).state),
    );
    await bus.flush();
    const running = await cluster.startNode('drained');
    const other = await cluster.startNode('takes-over');
    await known(running, other);
    const [node, next] = [new NodeCalls(running), new NodeCalls(other)];
    const page = await openPage(browser);
    const anna = await node.open('drain', 'anna');
    anna.watch();
    await new PagePeer(page, 'old').publish(anna, { video: 1 });
    await eventually(() => (anna.eventsOf('snapshot').length > 0 ? undefined : 'not watched'));
    const drained = running.node.drain(20_000);
    await eventually(() => (anna.eventsOf('move').length === 1 ? undefined : 'not told'));
    await eventually(() =>
      states.includes(NodeState.NODE_STATE_DRAINING) ? undefined : 'still serving',
    );
    await expect(node.open('drain', 'ben')).rejects.toMatchObject({ code: 'NODE_DRAINING' });

    // While it moves, the new session takes the name, although the old one is still attached.
    const moved = await next.open('drain', 'anna');
    moved.watch();
    await new PagePeer(page, 'new').publish(moved, { video: 1 });
    expect((await node.state()).streams).toEqual([]);
    await anna.closeSession('moved');
    await drained;
    await page.close();
    next.close();
    await cluster.stopNode(other);
    listening.stop();
    await bus.close();
    node.close();
    await cluster.stopNode(running);
  });
});

describe('failures', () => {
  test('a stream whose name was taken over and given up unheard ends as soon as it is told of', async () => {
    const running = await cluster.startNode('fenced');
    await known(running);
    const node = new NodeCalls(running);
    const anna = await node.open('fence', 'anna');
    anna.watch();
    await anna.publish(offerOf(['audio', 'video']));
    const [stream] = (await node.state()).streams;

    // As a successor elsewhere does that nobody told this node of.
    const { directory } = cluster;
    const { nodeId, bootId } = { nodeId: 'elsewhere', bootId: 'another-boot' };
    const origin = { nodeId, bootId, routerId: 'another-router', grpcAddress: '127.0.0.1:1' };
    const claim = {
      name: stream?.name,
      origin,
      sessionId: 'successor',
      highestEpoch: 0,
      replacesSessionId: anna.sessionId,
    };
    const { claimStream, releaseStream } = StreamDirectoryService;
    const { epoch } = await callUnary(directory, claimStream, claim, 5_000);
    expect(epoch).toBeGreaterThan(stream?.epoch ?? 0);
    const release = { name: stream?.name, epoch, nodeId, bootId };
    await callUnary(directory, releaseStream, release, 5_000);

    await anna.setMuted(true);
    // Long before it would register its streams again by itself.
    await eventually(async () => {
      const { streams } = await node.state();
      return streams.length === 0 ? undefined : 'it still has the stream';
    });
    // And the name is free for whoever comes, at once.
    const ben = await node.open('fence', 'anna');
    await ben.publish(offerOf(['audio'], '4712'));
    expect((await node.state()).streams[0]?.epoch).toBeGreaterThan(epoch);
    node.close();
    await cluster.stopNode(running);
  });

  test('a worker that dies ends its sessions and no others, and its core comes back', async () => {
    const running = await cluster.startNode('dying', { SLUICE_WORKERS: '2' });
    const node = new NodeCalls(running);
    const [doomed, healthy] = running.workers.list;
    const anna = await node.open('dying', 'anna', { routerId: doomed!.routerId });
    const ben = await node.open('dying', 'ben', { routerId: healthy!.routerId });
    anna.watch();
    ben.watch();
    const page = await openPage(browser);
    await new PagePeer(page, 'up').publish(anna, { audio: 1, video: 1 });
    for (const purpose of ['camera', 'screen']) {
      await new PagePeer(page, purpose).publish(ben, { audio: 1, video: 1 }, purpose);
      const { sdp } = await anna.subscribe('ben', 'main', purpose);
      await anna.answer('ben', await new PagePeer(page, 'down').answer(sdp), purpose);
    }
    await new PagePeer(page, 'down').decodes(2);
    process.kill(running.workers.pids().get(doomed!.routerId)!, 'SIGKILL');
    await eventually(() => (anna.watchEnd === 'ended' ? undefined : 'still watched'));
    expect(anna.events.at(-1)).toMatchObject({ $case: 'ended' });
    // Nothing of it is there any more that could be negotiated.
    expect(anna.eventsOf('subscriptionOffered')).toEqual([]);
    expect(ben.watchEnd).toBeUndefined();
    const { streams } = await node.state();
    expect(streams.map(({ name }) => name?.participant)).toEqual(['ben', 'ben']);
    await eventually(() => (running.workers.list.length === 2 ? undefined : 'not back'));
    await page.close();
    node.close();
    await cluster.stopNode(running);
  });

  test('without NATS new names are unavailable, what runs goes on, and all heals by itself', async () => {
    await using own = await startTestCluster();
    const running = await own.startNode('lonely');
    const node = new NodeCalls(running);
    const page = await openPage(browser);
    const anna = await node.open('lonely', 'anna');
    anna.watch();
    const ben = await node.open('lonely', 'ben');
    ben.watch();
    await new PagePeer(page, 'up').publish(anna, { video: 1 });
    const down = new PagePeer(page, 'down');
    await down.subscribe(ben, 'anna');
    await down.decodes(1);

    const server = own.nats.process;
    const exited = once(server, 'exit');
    server.kill('SIGKILL');
    await exited;
    const cora = await node.open('lonely', 'cora');
    const second = new PagePeer(page, 'second');
    const offer = await second.offer({ video: 1 });
    await expect(cora.publish(offer)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await down.decodes(1);
    const dora = await node.open('lonely', 'dora');
    await new PagePeer(page, 'local').subscribe(dora, 'anna');
    await new PagePeer(page, 'local').decodes(1);

    await own.nats.restart({ wipe: true });
    await eventually(async () => {
      await second.accept((await cora.publish(offer)).sdp);
      return undefined;
    }, 20_000);
    const name = { room: 'lonely', participant: 'anna', purpose: 'm.usermedia' };
    const find = own.directory.findStream.bind(own.directory);
    await eventually(async () => {
      await callUnary(own.directory, find, { name }, 5_000);
      return undefined;
    }, 20_000);
    await down.decodes(1);
    await page.close();
    node.close();
  });
});
