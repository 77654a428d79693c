import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '@sluice/testing';
import { relayTickets } from '@sluice/tokens';
import type { StreamName } from '@sluice/core';
import type { OpenRelayRequest, OpenRelayResponse } from '@sluice/proto-gen/media_node';
import type { PeerCall } from '../src/domain/pipes/relay-peers.js';
import {
  FakeDirectory,
  Source,
  Viewer,
  countOn,
  publish,
  startNode,
  type TestNode,
} from './relay-nodes.fixture.js';

const CAMERA: StreamName = { room: 'r', participant: 'ann', purpose: 'm.usermedia' };
const TIMES = { lingerMs: 100, pipeLingerMs: 100, pauseDelayMs: 50 };

let directory: FakeDirectory;
let a: TestNode;
let b: TestNode;
let source: Source;
/** Whether a does not know what is its own. */
let doubtful: boolean;

beforeEach(async () => {
  doubtful = false;
  directory = new FakeDirectory();
  a = await startNode({ nodeId: 'a', directory, times: TIMES, doubtful: () => doubtful });
  b = await startNode({ nodeId: 'b', directory, times: TIMES });
  source = await Source.video(a.core(), [1111]);
  publish(a, a.core(), CAMERA, { video: source });
  directory.place(CAMERA, a.refOf(a.core()), 1);
});

afterEach(async () => {
  source.stop();
  await b.stop();
  await a.stop();
});

const pull = () => b.relays.ensure(b.core().routerId, CAMERA);

async function expectNothingLeft(): Promise<void> {
  await eventually(async () => {
    const [here, there] = [await countOn(a.core()), await countOn(b.core())];
    // The source's own transport and producer on a.
    const clean =
      here.transports === 1 && here.consumers === 0 && there.transports + there.producers === 0;
    return clean ? undefined : JSON.stringify({ here, there });
  });
  expect(a.relays.feeds.size).toBe(0);
  expect(b.relays.relays()).toEqual([]);
}

/** Opens a relay by hand over a pipe of its own. */
async function pullByHand(
  ticket: string,
  options: {
    readonly epoch?: number;
    readonly stream?: StreamName;
    readonly pipeTicket?: string;
  } = {},
): Promise<{ response: OpenRelayResponse; call: PeerCall<OpenRelayRequest, OpenRelayResponse> }> {
  const { epoch = 1, stream = CAMERA, pipeTicket = ticket } = options;
  const from = a.refOf(a.core());
  const to = b.refOf(b.core());
  const pipe = await b.relays.pipes.ensure(b.core(), from, pipeTicket);
  const call = b.peers.at(from.grpcAddress).openRelay();
  const value = { stream: { ...stream }, epoch, from, to, pipeId: pipe.pipeId, ticket };
  call.send({ message: { $case: 'request', value } });
  const next = await call.responses.next();
  return { response: next.value as OpenRelayResponse, call };
}

const goodTicket = () => directory.ticketFor(CAMERA, a.refOf(a.core()), b.refOf(b.core()), 1);

describe('a pull is refused', () => {
  it('with a ticket that another cluster sealed', async () => {
    directory.bend = (plan) => ({
      ...plan,
      ticket: relayTickets('another cluster, another secret').seal({
        streamKey: 'x',
        epoch: 1,
        parentRouterId: 'x',
        pullerNodeId: 'x',
        pullerBootId: 'x',
        pullerRouterId: 'x',
      }),
    });

    await expect(pull()).rejects.toMatchObject({ code: 'UNAVAILABLE' });

    expect(a.refused).toContain('UNAUTHENTICATED');
    await expectNothingLeft();
  });

  it('by a node that stood still, until it knows again what is its own', async () => {
    doubtful = true;
    await expect(pull()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(new Set(a.refused)).toEqual(new Set(['UNAVAILABLE']));
    await expectNothingLeft();

    doubtful = false;
    expect((await pull()).path).toEqual(['a', 'b']);
  });

  it.each([
    ['another boot of the puller', { pullerBootId: 'of yesterday' }],
    ['another node', { pullerNodeId: 'c' }],
    ['another router', { pullerRouterId: 'other' }],
    ['another parent', { parentRouterId: 'other' }],
    ['another stream', { streamKey: 'other' }],
    ['another epoch', { epoch: 7 }],
  ])('with a ticket for %s', async (_what, forged) => {
    directory.forge = (ticket) => ({ ...ticket, ...forged });

    await expect(pull()).rejects.toMatchObject({ code: 'UNAVAILABLE' });

    expect(new Set(a.refused)).toEqual(new Set(['PERMISSION_DENIED']));
    await expectNothingLeft();
  });

  it('with a ticket that was used before', async () => {
    const ticket = goodTicket();
    const { response, call } = await pullByHand(ticket);
    expect(response.message?.$case).toBe('tracks');

    await expect(pullByHand(ticket, { pipeTicket: goodTicket() })).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
    });

    call.end();
    await eventually(() => (a.relays.feeds.size === 0 ? undefined : 'still fed'));
    await expect(pullByHand(ticket, { pipeTicket: goodTicket() })).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
    });
    await expectNothingLeft();
  });

  it('for an epoch that is over', async () => {
    directory.place(CAMERA, a.refOf(a.core()), 2);

    await expect(pull()).rejects.toMatchObject({ code: 'UNAVAILABLE' });

    expect(new Set(a.refused)).toEqual(new Set(['STALE_EPOCH']));
    await expectNothingLeft();
  });

  it('for a stream that is not there', async () => {
    const nobody = { ...CAMERA, participant: 'nobody' };
    await expect(b.relays.ensure(b.core().routerId, nobody)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });

    directory.place(nobody, a.refOf(a.core()), 1);
    await expect(b.relays.ensure(b.core().routerId, nobody)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await expectNothingLeft();
  });

  it('from a router that is no more', async () => {
    directory.place(CAMERA, { ...a.refOf(a.core()), routerId: 'gone' }, 1);

    await expect(pull()).rejects.toMatchObject({ code: 'UNAVAILABLE' });

    await expectNothingLeft();
  });

  it('from a node that does not answer', async () => {
    directory.place(CAMERA, { ...a.refOf(a.core()), grpcAddress: '127.0.0.1:1' }, 1);

    await expect(pull()).rejects.toMatchObject({ code: 'UNAVAILABLE' });

    await expectNothingLeft();
  });

  it('over a pipe that is not there', async () => {
    const from = a.refOf(a.core());
    const call = b.peers.at(from.grpcAddress).openRelay();
    const to = b.refOf(b.core());
    const value = {
      stream: { ...CAMERA },
      epoch: 1,
      from,
      to,
      pipeId: 'none',
      ticket: goodTicket(),
    };
    call.send({ message: { $case: 'request', value } });

    await expect(call.responses.next()).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expectNothingLeft();
  });

  it('by a node through which the stream came', async () => {
    const copy = await pull();
    const viewer = await Viewer.of(copy, 'video');
    const to = a.refOf(a.core());
    const from = b.refOf(b.core());
    const pipe = a.relays.pipes.list.values().next().value!;
    const ticket = directory.ticketFor(CAMERA, from, to, 1);
    const call = a.peers.at(from.grpcAddress).openRelay();
    const value = { stream: { ...CAMERA }, epoch: 1, from, to, pipeId: pipe.pipeId, ticket };
    call.send({ message: { $case: 'request', value } });

    await expect(call.responses.next()).rejects.toMatchObject({ code: 'INVALID_STATE' });
    expect(b.relays.feeds.size).toBe(0);

    viewer.leave();
    await expectNothingLeft();
  });

  it('when its first message is no request', async () => {
    const call = b.peers.at(a.identity.grpcAddress).openRelay();
    call.send({ message: { $case: 'paused', value: true } });

    await expect(call.responses.next()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describe('a pipe is refused', () => {
  const ends = {
    'no IP address': { ip: 'a.example', port: 5000 },
    'no port': { ip: '127.0.0.1', port: 0 },
    'a port beyond all ports': { ip: '127.0.0.1', port: 70_000 },
    'no key': { ip: '127.0.0.1', port: 5000, srtpKeyBase64: '' },
    'a key that is too short': { ip: '127.0.0.1', port: 5000, srtpKeyBase64: 'c2hvcnQ=' },
    'an unknown suite': { ip: '127.0.0.1', port: 5000, srtpCryptoSuite: 'NULL' },
  };

  it.each(Object.entries(ends))('with %s', async (_what, end) => {
    const from = a.refOf(a.core());
    const to = b.refOf(b.core());
    const call = b.peers.at(from.grpcAddress).openPipe();
    const whole = {
      srtpCryptoSuite: 'AEAD_AES_256_GCM',
      srtpKeyBase64: `${'A'.repeat(59)}=`,
      ...end,
    };
    call.send({ pipeId: 'p1', from, to, end: whole, ticket: goodTicket() });

    await expect(call.responses.next()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expectNothingLeft();
  });

  it('when its caller has opened several already', async () => {
    const from = a.refOf(a.core());
    const to = b.refOf(b.core());
    const end = {
      ip: '127.0.0.1',
      port: 5000,
      srtpCryptoSuite: 'AEAD_AES_256_GCM',
      srtpKeyBase64: `${'A'.repeat(59)}=`,
    };
    const calls = [];
    for (const pipeId of ['p1', 'p2', 'p3', 'p4']) {
      const call = b.peers.at(from.grpcAddress).openPipe();
      call.send({ pipeId, from, to, end, ticket: goodTicket() });
      expect((await call.responses.next()).done).toBe(false);
      calls.push(call);
    }

    const fifth = b.peers.at(from.grpcAddress).openPipe();
    fifth.send({ pipeId: 'p5', from, to, end, ticket: goodTicket() });
    await expect(fifth.responses.next()).rejects.toMatchObject({ code: 'CAPACITY_EXHAUSTED' });
    const again = b.peers.at(from.grpcAddress).openPipe();
    again.send({ pipeId: 'p1', from, to, end, ticket: goodTicket() });
    await expect(again.responses.next()).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });

    for (const call of calls) call.end();
    await expectNothingLeft();
  });
});
