import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createWorker } from 'mediasoup';
import type { WebRtcTransport, Worker } from 'mediasoup/types';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '@sluice/core';
import type { Beacon } from '../src/domain/cluster/facts.js';
import { BeaconProber } from '../src/stun/beacon-prober.js';

let worker: Worker;
let transport: WebRtcTransport;
const prober = new BeaconProber(systemClock);

/** As a media node makes one: on its worker's one port, never used by a client. */
beforeAll(async () => {
  worker = await createWorker({ logLevel: 'none' });
  const router = await worker.createRouter();
  const webRtcServer = await worker.createWebRtcServer({
    listenInfos: [{ protocol: 'udp', ip: '127.0.0.1' }],
  });
  transport = await router.createWebRtcTransport({ webRtcServer, iceConsentTimeout: 1 });
});

afterAll(() => {
  prober.close();
  worker.close();
});

function beacon(over: Partial<Beacon> = {}): Beacon {
  const [candidate] = transport.iceCandidates;
  return {
    ip: candidate!.address,
    port: candidate!.port,
    usernameFragment: transport.iceParameters.usernameFragment,
    password: transport.iceParameters.password,
    ...over,
  };
}

test('a mediasoup worker answers, again and again', async () => {
  for (let turn = 0; turn < 5; turn += 1) expect(await prober.anyAnswers([beacon()])).toBe(true);
});

test('it goes on answering after it has missed us for longer than its consent lasts', async () => {
  const disconnected = new Promise<void>((resolve) => {
    transport.on('icestatechange', (state) => {
      if (state === 'disconnected') resolve();
    });
  });
  expect(await prober.anyAnswers([beacon()])).toBe(true);
  await disconnected;
  expect(await prober.anyAnswers([beacon()])).toBe(true);
});

test('nobody answers to a wrong password or for another transport', async () => {
  expect(await prober.anyAnswers([beacon({ password: 'wrong' })])).toBe(false);
  expect(await prober.anyAnswers([beacon({ usernameFragment: 'nobody' })])).toBe(false);
});

test('who answers without the password is not believed', async () => {
  const impostor = createSocket('udp4');
  impostor.on('message', (request, { port, address }) => {
    const answer = Buffer.from(request);
    answer.writeUInt16BE(0x0101, 0);
    impostor.send(answer, port, address);
  });
  impostor.bind(0, '127.0.0.1');
  await once(impostor, 'listening');
  const { port } = impostor.address();
  expect(await prober.anyAnswers([beacon({ port })])).toBe(false);
  impostor.close();
});

test('one worker that answers is enough', async () => {
  const closed = beacon({ port: 9 });
  expect(await prober.anyAnswers([closed, beacon(), closed])).toBe(true);
});

test('a worker that stands still does not answer, and answers when it goes on', async () => {
  process.kill(worker.pid, 'SIGSTOP');
  try {
    expect(await prober.anyAnswers([beacon()])).toBe(false);
  } finally {
    process.kill(worker.pid, 'SIGCONT');
  }
  expect(await prober.anyAnswers([beacon()])).toBe(true);
});

test('a worker that is gone does not answer, nor does a prober that was closed', async () => {
  const last = new BeaconProber(systemClock);
  expect(await last.anyAnswers([beacon()])).toBe(true);
  last.close();
  expect(await last.anyAnswers([beacon()])).toBe(false);
  const gone = beacon();
  worker.close();
  expect(await prober.anyAnswers([gone])).toBe(false);
});
