import { execFileSync } from 'node:child_process';
import type { ServerResponse } from 'node:http';
import { SluiceError, systemClock, type ErrorCode } from '@sluice/core';
import { SIGNALING_LABEL } from '@sluice/protocol';
import { eventually } from '@sluice/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sessionCreator } from '../src/dialing/create-session.js';
import { Dialer } from '../src/dialing/dialer.js';
import { ForeignStream } from '../src/dialing/foreign-stream.js';
import type { Focus } from '../src/domain/sfu-to-sfu/foci.js';
import { openHomeRouters, type Workers } from '../src/mediasoup/workers.js';
import { OtherServer, type Asked, type Talk } from './other-server.fixture.js';

const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const NAME = { room: 'call', participant: 'anna', purpose: 'camera' };
/** All that do ill are one server, and so share a process. */
const HOSTILE = 'hostile.example';
/** All waits of one pull together. */
const PULL_MAX_MS = 5_000 + 8_000 + 8_000 + 6_000;
const NOWHERE = { ip: '127.0.0.1', port: 9 };

/** Where it is, and what whoever wants a stream from there is told. */
type Case = readonly [focus: Focus, code: ErrorCode, message: string | RegExp];

let workers: Workers;
let dialer: Dialer;
let server: OtherServer;

beforeAll(async () => {
  const listen = { ip: '127.0.0.1', basePort: 0 };
  [workers, server] = await Promise.all([
    openHomeRouters({ cores: 1, listen, clock: systemClock, log: SILENT }),
    OtherServer.open(),
  ]);
  dialer = new Dialer({ mediaLimitBps: 20_000_000 });
});

afterAll(() => {
  dialer.close();
  workers.close();
  server.close();
});

async function refusalOf(focus: Focus): Promise<SluiceError> {
  const home = workers.list[0]!;
  const how = { dialer, createSession: sessionCreator([]), clock: systemClock };
  try {
    (await ForeignStream.open({ ...how, home, focus, name: NAME })).close();
  } catch (error) {
    if (error instanceof SluiceError) return error;
    throw error;
  }
  throw new Error(`${focus.url} was pulled from`);
}

/** Says something until nobody listens any more. */
function endlessly(response: ServerResponse, chunk: string, everyMs: number): void {
  const saying = setInterval(() => response.write(chunk), everyMs);
  response.on('close', () => clearInterval(saying));
}

/** What it does with an offer. */
function doors(): Case[] {
  const door = server.focus.bind(server, HOSTILE);
  const answers = (path: string, body: string) =>
    door(path, (_, response) => void response.end(body));
  const says = (path: string, status: number, headers = {}) =>
    door(path, (_, response) => void response.writeHead(status, headers).end());
  const mLines = (count: number) =>
    ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0']
      .concat(Array.from({ length: count }, () => 'm=audio 9 UDP/TLS/RTP/SAVPF 111'))
      .join('\r\n');
  const inside = answers('/inside', 'v=0');
  const byName = { ...inside, url: inside.url.replace('127.0.0.1', 'localhost') };
  const unusable = 'what the other server answers cannot be used';
  return [
    [says('/redirect', 307, { Location: inside.url }), 'UNAVAILABLE', 'leads elsewhere'],
    [byName, 'PERMISSION_DENIED', /^this server may not pull streams from there/],
    [door('/never', () => undefined), 'DEADLINE_EXCEEDED', 'takes too long'],
    [door('/slow', (_, to) => endlessly(to, 'v', 100)), 'DEADLINE_EXCEEDED', 'takes too long'],
    [
      door('/endless', (_, to) => endlessly(to, 'v=0\r\n'.repeat(4_000), 1)),
      'UNAVAILABLE',
      'too much',
    ],
    [says('/headers', 200, { 'X-Much': 'x'.repeat(15_000) }), 'UNAVAILABLE', 'cannot be reached'],
    [door('/broken', (_, to) => void to.destroy()), 'UNAVAILABLE', 'cannot be reached'],
    [answers('/nonsense', '<!doctype html>'), 'UNAVAILABLE', unusable],
    [answers('/hollow', mLines(1)), 'UNAVAILABLE', unusable],
    [answers('/m-lines', mLines(600)), 'UNAVAILABLE', unusable],
    [says('/401', 401), 'PERMISSION_DENIED', 'does not let us in'],
    [says('/503', 503), 'CAPACITY_EXHAUSTED', 'answers 503'],
  ];
}

const reply = (asked: Asked, sdp: string) =>
  JSON.stringify({ event: 'subscribe', id: asked.id, sdp });

/** libdatachannel throws once the other side has closed the channel. */
function say(channel: { sendMessage(text: string): boolean }, text: string, times = 1): void {
  try {
    for (let time = 0; time < times; time += 1) channel.sendMessage(text);
  } catch {
    // It is not listened to any longer.
  }
}

/** What it does with what it is asked, once it has let us in. */
function talks(timers: NodeJS.Timeout[]): Case[] {
  const ask = server.talking.bind(server, HOSTILE);
  const answering = (path: string, sdpOf: (offer: string) => string) =>
    ask(path, (channel, asked) => say(channel, reply(asked, sdpOf(asked.sdp))));
  const refusing = (path: string, message: string) =>
    ask(path, (channel, { id }) => say(channel, JSON.stringify({ event: 'error', id, message })));
  const offering: Talk = (channel, asked) => {
    timers.push(setInterval(() => say(channel, reply({ ...asked, id: '?' }, 'v=0')), 100));
  };
  const opening: Talk = (_, __, connection) => {
    for (let index = 0; index < 50; index += 1) {
      server.keep(connection.createDataChannel(String(index)));
    }
  };
  const more = (line: string, times: number) => (sdp: string) => sdp + `${line}\r\n`.repeat(times);
  const lost = 'the connection to the other server was lost';
  const unusable = 'what the other server answers cannot be used';
  return [
    [ask('/silent', () => undefined), 'UNAVAILABLE', 'takes too long'],
    [ask('/offers', offering), 'UNAVAILABLE', 'takes too long'],
    [ask('/flood', (channel) => say(channel, '{"event":"error"}', 5_000)), 'UNAVAILABLE', lost],
    [ask('/bulk', (channel) => say(channel, 'x'.repeat(100_000), 50)), 'UNAVAILABLE', lost],
    [ask('/channels', opening), 'UNAVAILABLE', lost],
    [answering('/said', () => 'nonsense'), 'UNAVAILABLE', unusable],
    [
      answering('/said-m-lines', more('m=video 9 UDP/TLS/RTP/SAVPF 96', 500)),
      'UNAVAILABLE',
      unusable,
    ],
    [answering('/said-much', more('a=ssrc:1 cname:x', 5_000)), 'UNAVAILABLE', unusable],
    // Our own offer: nobody sends anything in it, and nobody begins the handshake.
    [answering('/said-back', (sdp) => sdp), 'UNAVAILABLE', unusable],
    [refusing('/none', 'No Such Stream'), 'NOT_FOUND', 'does not have the stream'],
    [
      refusing('/words', `\u0000\u001b[2J${'no '.repeat(2_000)}`),
      'PERMISSION_DENIED',
      /^the other server refuses: \P{Cc}{1,200}$/u,
    ],
  ];
}

/** A connection to a server that means well, which answers whatever it is asked. */
async function openWitness() {
  const peer = dialer.dial('decent.example', NOWHERE);
  const opened = new Promise((resolve) => peer.on('channelOpened', resolve));
  let heard = 0;
  peer.on('heard', () => (heard += 1));
  peer.openChannel(SIGNALING_LABEL);
  const talk: Talk = (channel, asked) => say(channel, reply(asked, ''));
  await peer.acceptAnswer(await server.answerTo(await peer.createOffer(), talk));
  await opened;
  const isServed = async () => {
    const before = heard;
    peer.say(SIGNALING_LABEL, reply({ event: 'subscribe', id: 'witness', sdp: '' }, ''));
    await eventually(() => (heard > before ? undefined : 'no answer'));
  };
  return { peer, isServed };
}

test('whatever another server does ends in time, in an error for whoever asked alone', async () => {
  const witness = await openWitness();
  const timers: NodeJS.Timeout[] = [];
  const cases = [...doors(), ...talks(timers)];
  const startedMs = performance.now();
  const refusals = await Promise.all(cases.map(([focus]) => refusalOf(focus)));
  expect(performance.now() - startedMs).toBeLessThan(PULL_MAX_MS);
  for (const timer of timers) clearInterval(timer);

  const told = refusals.map(({ code, message }, index) => [cases[index]![0].url, code, message]);
  expect(told).toEqual(
    cases.map(([{ url }, code, message]) => [
      url,
      code,
      expect.stringMatching(message) as unknown as string,
    ]),
  );
  expect(server.asked.get('/inside')).toBeUndefined();
  await witness.isServed();
  witness.peer.close();
});

/** Processes that this one dials with. */
function dialingProcesses(): string[] {
  const children = execFileSync('ps', ['--ppid', String(process.pid), '-o', 'pid=,args='], {
    encoding: 'utf8',
  });
  return children
    .split('\n')
    .filter((line) => line.includes('dialing/agent.js'))
    .map((line) => line.trim().split(' ')[0] ?? '');
}

test('when the agents of one server fall, those of others go on, and it may be dialled again', async () => {
  const witness = await openWitness();
  const others = dialingProcesses();
  const fallen = dialer.dial('falls.example', NOWHERE);
  const pids = dialingProcesses().filter((pid) => !others.includes(pid));
  expect(pids).toHaveLength(1);
  for (const pid of pids) process.kill(Number(pid), 'SIGKILL');
  await eventually(() => (fallen.closed ? undefined : 'goes on'));
  await witness.isServed();
  const again = dialer.dial('falls.example', NOWHERE);
  again.openChannel(SIGNALING_LABEL);
  expect(await again.createOffer()).toContain('v=0');
});
