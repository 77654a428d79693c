import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  TestAuthority,
  eventually,
  startNatsServer,
  type IssuedCertificate,
  type NatsServer,
} from '@sluice/testing';
import { Bus } from '../src/bus.js';

let nats: NatsServer;
const buses: Bus[] = [];

beforeEach(async () => {
  nats = await startNatsServer();
});
afterEach(async () => {
  for (const bus of buses.splice(0)) await bus.close();
  await nats.stop();
});

function openBus(onTrouble?: (error: unknown) => void): Bus {
  const bus = Bus.open({ url: nats.url, name: 'test', ...(onTrouble ? { onTrouble } : {}) });
  buses.push(bus);
  return bus;
}

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (payload: Uint8Array) => new TextDecoder().decode(payload);
const until = (what: string, done: () => boolean) => eventually(() => (done() ? undefined : what));

test('what is published is heard, with its subject', async () => {
  const [speaker, listener] = [openBus(), openBus()];
  const heard: string[] = [];
  listener.listen('news.*', (payload, subject) => heard.push(`${subject}: ${text(payload)}`));
  await Promise.all([speaker.flush(), listener.flush()]);
  expect(speaker.publish('news.today', bytes('rain'))).toBe(true);
  expect(speaker.publish('weather.today', bytes('sun'))).toBe(true);
  await speaker.flush();
  await listener.flush();
  expect(heard).toEqual(['news.today: rain']);
});

test('what was said before a flush is heard before it resolves', async () => {
  const [speaker, listener] = [openBus(), openBus()];
  let heard = 0;
  listener.listen('news', () => (heard += 1));
  await Promise.all([speaker.flush(), listener.flush()]);
  for (let round = 1; round <= 50; round += 1) {
    for (let index = 0; index < 20; index += 1) speaker.publish('news', bytes('more'));
    await speaker.flush();
    await listener.flush();
    expect(heard).toBe(round * 20);
  }
});

test('it opens without a server and connects when there is one', async () => {
  await nats.stop();
  const troubles: unknown[] = [];
  const bus = openBus((error) => troubles.push(error));
  const heard: string[] = [];
  let connects = 0;
  bus.listen('news', (payload) => heard.push(text(payload)));
  bus.onConnected(() => (connects += 1));
  await until('no trouble yet', () => troubles.length > 1);
  expect(bus.connected).toBe(false);
  expect(bus.publish('news', bytes('lost'))).toBe(false);

  await nats.restart();
  await until('not connected', () => bus.connected);
  await bus.flush();
  bus.publish('news', bytes('kept'));
  await bus.flush();
  expect(heard).toEqual(['kept']);
  expect(connects).toBe(1);
});

test('what is listened to is heard again after each restart of the server', async () => {
  const [speaker, listener] = [openBus(), openBus()];
  const heard: string[] = [];
  let connects = 0;
  listener.listen('news', (payload) => heard.push(text(payload)));
  const stopped = listener.listen('old', () => heard.push('old news'));
  listener.onConnected(() => (connects += 1));
  await until('not connected', () => connects === 1 && speaker.connected);

  for (const round of [1, 2]) {
    await nats.restart();
    if (round === 2) stopped.stop();
    await until('not connected again', () => connects === round + 1 && speaker.connected);
    await Promise.all([listener.flush(), speaker.flush()]);
    speaker.publish('news', bytes(`round ${round}`));
    speaker.publish('old', bytes('x'));
    await speaker.flush();
    await listener.flush();
  }
  expect(heard).toEqual(['round 1', 'old news', 'round 2']);
});

test('while the server is away publishing says so, and nothing piles up to be sent later', async () => {
  const bus = openBus();
  const heard: string[] = [];
  bus.listen('news', (payload) => heard.push(text(payload)));
  await bus.flush();
  await nats.stop();
  await until('still connected', () => !bus.connected);
  for (let index = 0; index < 100; index += 1) {
    expect(bus.publish('news', bytes('stale'))).toBe(false);
  }
  await nats.restart();
  await until('not connected', () => bus.connected);
  bus.publish('news', bytes('fresh'));
  await bus.flush();
  expect(heard).toEqual(['fresh']);
});

test('a listener that throws is reported, and hears the next message', async () => {
  const troubles: unknown[] = [];
  const bus = openBus((error) => troubles.push(error));
  const heard: string[] = [];
  const failure = new Error('cannot read this');
  bus.listen('news', (payload) => {
    if (text(payload) === 'bad') throw failure;
    heard.push(text(payload));
  });
  await bus.flush();
  for (const news of ['bad', 'good']) bus.publish('news', bytes(news));
  await bus.flush();
  expect(heard).toEqual(['good']);
  expect(troubles).toEqual([failure]);
});

test('a message that is larger than the server takes is lost, and only that', async () => {
  const troubles: unknown[] = [];
  const bus = openBus((error) => troubles.push(error));
  const heard: number[] = [];
  bus.listen('news', (payload) => heard.push(payload.length));
  await bus.flush();
  expect(bus.publish('news', new Uint8Array(2 * 1024 * 1024))).toBe(false);
  expect(bus.publish('news', new Uint8Array(3))).toBe(true);
  await bus.flush();
  expect(heard).toEqual([3]);
  expect(troubles).toHaveLength(1);
});

test('closing while it still tries to connect ends that', async () => {
  await nats.stop();
  const troubles: unknown[] = [];
  const bus = openBus((error) => troubles.push(error));
  const connection = bus.connection();
  await until('no trouble yet', () => troubles.length > 0);
  await bus.close();
  await bus.close();
  await expect(connection).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await expect(bus.flush()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(bus.connected).toBe(false);
});

test('closing while the server is away ends the attempts to come back', async () => {
  const bus = openBus();
  const connection = await bus.connection();
  await nats.stop();
  await until('still connected', () => !bus.connected);
  await bus.close();
  expect(connection.isClosed()).toBe(true);
  await nats.restart();
  expect(bus.connected).toBe(false);
});

test('what was published just before the close still arrives', async () => {
  const [speaker, listener] = [openBus(), openBus()];
  let heard = 0;
  listener.listen('news', () => (heard += 1));
  await Promise.all([speaker.flush(), listener.flush()]);
  for (let index = 0; index < 1_000; index += 1) speaker.publish('news', new Uint8Array(100));
  await speaker.close();
  expect(speaker.publish('news', bytes('too late'))).toBe(false);
  await until('not all heard', () => heard === 1_000);
});

test('who starts to wait for the connection when it is there is told at once', async () => {
  const bus = openBus();
  await bus.flush();
  let told = 0;
  const waiting = bus.onConnected(() => (told += 1));
  expect(told).toBe(1);
  waiting.stop();
  await nats.restart();
  await until('not connected', () => bus.connected);
  await bus.flush();
  expect(told).toBe(1);
});

/** The client checks an address without a name as that of localhost. */
const NAMES = 'IP:127.0.0.1,DNS:localhost';

test('certificates that change are read at each connect, also those of another authority', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-nats-tls-'));
  const file = (name: string) => join(folder, name);
  const write = ({ ca, certificate, key }: IssuedCertificate) => {
    for (const [name, pem] of Object.entries({ ca, certificate, key })) {
      writeFileSync(file(name), pem);
    }
  };
  const authorities = [new TestAuthority('one'), new TestAuthority('two')] as const;
  write(authorities[0].issue(NAMES));
  const names = [
    '--tlscert',
    file('certificate'),
    '--tlskey',
    file('key'),
    '--tlscacert',
    file('ca'),
  ];
  const secured = await startNatsServer({ args: ['--tlsverify', ...names] });
  const tls = { caFile: file('ca'), certFile: file('certificate'), keyFile: file('key') };
  const bus = Bus.open({ url: secured.url, name: 'test', tls });
  const stranger = Bus.open({ url: secured.url, name: 'stranger', tls: { caFile: file('ca') } });
  try {
    await until('not connected', () => bus.connected);
    expect(stranger.connected).toBe(false);
    write(authorities[1].issue(NAMES));
    let connects = 0;
    bus.onConnected(() => (connects += 1));
    await secured.restart();
    await until('not connected again', () => connects === 2);
    expect(stranger.connected).toBe(false);
  } finally {
    await Promise.all([bus.close(), stranger.close()]);
    await secured.stop();
    for (const authority of authorities) authority.remove();
    rmSync(folder, { recursive: true });
  }
});
