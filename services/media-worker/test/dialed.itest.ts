import { createSocket } from 'node:dgram';
import { readFileSync, readdirSync } from 'node:fs';
import process from 'node:process';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { eventually, seededRandom } from '@sluice/testing';
import type { RunningMediaNode } from '../src/compose.js';
import { NodeCalls, type SessionCalls } from './session.fixture.js';
import { aStage } from './stage.fixture.js';

const stage = aStage();
let running: RunningMediaNode;
let node: NodeCalls;

beforeAll(async () => {
  running = await stage.cluster.startNode('node-1');
  node = new NodeCalls(running);
});

afterAll(() => {
  node.close();
});

afterEach(() => {
  running.node.close('test over');
});

const peer = (name: string) => stage.peer(name);

/** A session of a link between two rooms, with a PeerConnection for each way. */
function enter(room: string, participant: string, dials = false): Promise<SessionCalls> {
  return node.openWatched(room, participant, { dials });
}

/** What one end of a link sends, the other one takes, as often as the first has something to offer. */
function join(from: SessionCalls, to: SessionCalls, purpose: string): void {
  from.follow(async (offer) => (await to.negotiate('in', offer, purpose)).sdp);
}

async function send(from: SessionCalls, to: SessionCalls, publisher: string, purpose: string) {
  const { sdp } = await from.subscribe(publisher, 'out');
  if (sdp !== '') await from.answerOn('out', (await to.negotiate('in', sdp, purpose)).sdp);
  return sdp;
}

/** Sends thousands of datagrams that begin as STUN, DTLS or SRTP do, to where an offer says that it is. */
async function disturb(offer: string): Promise<void> {
  const [, ip = '', port = ''] =
    /^a=candidate:\S+ 1 udp \d+ (\d\S+) (\d+) typ host/m.exec(offer) ?? [];
  const random = seededRandom(7);
  const socket = createSocket('udp4');
  const firstBytes = [0, 1, 20, 22, 23, 128, 144, 200];
  const sending = Array.from({ length: 5_000 }, (_, index) => {
    const datagram = Buffer.from(
      Array.from({ length: 1 + Math.floor(random() * 1_400) }, () => random() * 256),
    );
    datagram[0] = firstBytes[index % firstBytes.length] ?? 0;
    // Half of what looks like STUN says its length truly.
    if (datagram[0] < 2 && datagram.length > 20 && random() < 0.5) {
      datagram.writeUInt16BE(datagram.length - 20, 2);
      datagram.writeUInt32BE(0x2112a442, 4);
    }
    return new Promise<void>((sent) => {
      socket.send(datagram, Number(port), ip, () => sent());
    });
  });
  await Promise.all(sending);
  socket.close();
}

test('a session that dials sends to one that is called, and takes what that one sends', async () => {
  const [here, there] = [await enter('here', 'trunk', true), await enter('there', 'trunk')];
  join(here, there, 'from-here');
  join(there, here, 'from-there');
  const ann = await enter('here', 'ann');
  await peer('ann').publish(ann, { video: 1, audio: 1, simulcast: true });
  const bob = await enter('there', 'bob');
  await peer('bob').publish(bob, { video: 1 });

  const offer = await send(here, there, 'ann', 'from-here');
  await peer('bob sees').subscribe(bob, 'trunk', false, 'from-here');
  await peer('bob sees').decodes(1);
  await peer('bob sees').flows('audio');
  await send(there, here, 'bob', 'from-there');
  await peer('ann sees').subscribe(ann, 'trunk', false, 'from-there');
  await peer('ann sees').decodes(1);

  await disturb(offer);
  await peer('bob sees').decodes(1);
  expect(here.eventsOf('ended')).toEqual([]);
});

test('it writes no ICE-lite and candidates of its own, and takes trickled ones before any description', async () => {
  const here = await enter('here', 'trunk', true);
  await here.candidate('candidate:1 1 udp 2122260223 127.0.0.1 9 typ host', 'out');
  await here.candidate('candidate:2 1 tcp 1 127.0.0.1 9 typ host tcptype active', 'in');
  await here.candidate('', 'in');
  const ann = await enter('here', 'ann');
  await peer('ann').publish(ann, { video: 1 });
  const { sdp } = await here.subscribe('ann', 'out');
  expect(sdp).not.toContain('ice-lite');
  expect(sdp).toMatch(/^a=candidate:\S+ 1 udp \d+ \S+ \d+ typ host/m);
  // An own PeerConnection in the same room is as ever.
  expect((await ann.subscribe('ann', 'own')).sdp).toContain('a=ice-lite');
});

test('when the process of its ICE agents dies it ends, and the next one finds another', async () => {
  const [here, there] = [await enter('here', 'trunk', true), await enter('there', 'trunk')];
  const ann = await enter('here', 'ann');
  await peer('ann').publish(ann, { video: 1 });
  await send(here, there, 'ann', 'from-here');
  const bob = await enter('there', 'bob');
  bob.follow((offer) => peer('bob').answer(offer));
  await peer('bob').subscribe(bob, 'trunk', false, 'from-here');
  await peer('bob').decodes(1);

  for (const pid of iceProcesses()) process.kill(pid, 'SIGKILL');
  await eventually(() => (here.eventsOf('ended').length > 0 ? undefined : 'goes on'));
  expect(here.eventsOf('ended')[0]?.value.reason).toBe('the ICE process died');

  const again = await enter('here', 'trunk', true);
  await send(again, there, 'ann', 'from-here');
  await peer('bob').decodes(1);
});

/** Children of this process that hold ICE agents. */
function iceProcesses(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const parent = / (\d+) /.exec(
          readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) \S/, ''),
        );
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return Number(parent?.[1]) === process.pid && command.includes('front-process.js');
      } catch {
        return false;
      }
    });
}
