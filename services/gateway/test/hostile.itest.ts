import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { eventually } from '@sluice/testing';
import { CLIENT_MESSAGE_TYPES } from '@sluice/protocol';
import { startFakeCluster, tokens, type FakeCluster } from './fake-cluster-run.fixture.js';
import { TOKEN_SECRET } from './gateway-process.fixture.js';
import { TestClient } from './test-client.fixture.js';

let cluster: FakeCluster;
/** Somebody who is in a room all the time and must not notice anything. */
let witness: TestClient;
const roomName = 'watched';

beforeAll(async () => {
  cluster = await startFakeCluster();
  witness = await cluster.enter('witness');
  witness.send({ type: 'publish-offer', roomName, offer: 'o' });
  await witness.next('publish-answer');
});

afterAll(async () => {
  await cluster.stop();
});

/** The witness is served as before, and the gateway has met nothing unforeseen. */
async function nobodyElseNoticed(): Promise<void> {
  const id = Math.random();
  witness.send({ type: 'get-stats', roomName, id });
  await witness.next('stats', (stats) => stats.id === id);
  expect(witness.closed).toBeUndefined();
  expect(witness.count('error')).toBe(0);
  const failures = cluster.gateway.lines.filter((line) => line.includes('"level":"error"'));
  expect(failures).toEqual([]);
}

describe('frames', () => {
  test.each([
    ['no JSON', '{"type":', 'frame is not JSON'],
    ['an empty frame', '', 'frame is not JSON'],
    ['a number beyond JSON', '{"type":"join-room","roomName":NaN}', 'frame is not JSON'],
    ['null', 'null', 'frame must be an object'],
    ['an array', '[]', 'frame must be an object'],
    ['a string', '"join-room"', 'frame must be an object'],
    ['no type', '{"roomName":"x"}', 'unknown message type'],
    ['an unknown type', '{"type":"constructor"}', 'unknown message type'],
    ['a type that is no text', '{"type":{"a":1}}', 'unknown message type'],
    ['a missing field', '{"type":"join-room"}', 'roomName is missing'],
    ['a wrong type', '{"type":"join-room","roomName":7}', 'roomName must be a string'],
    ['an empty name', '{"type":"join-room","roomName":""}', 'roomName is too small'],
    [
      'a name too long',
      `{"type":"join-room","roomName":"${'x'.repeat(129)}"}`,
      'roomName is too large',
    ],
    [
      'control characters in a name',
      '{"type":"join-room","roomName":"a\\u0000b"}',
      'roomName must be printable text',
    ],
    [
      'a lone surrogate in a name',
      '{"type":"join-room","roomName":"\\ud800"}',
      'roomName must be printable text',
    ],
    [
      'a publisher that is no whole number',
      '{"type":"unsubscribe","roomName":"r","publisherId":1.5}',
      'publisherId must be a string or a whole number',
    ],
    [
      'a number that overflows',
      '{"type":"unsubscribe","roomName":"r","publisherId":1e999}',
      'publisherId must be a string or a whole number',
    ],
    [
      'negative layers',
      '{"type":"set-layers","roomName":"r","publisherId":1,"spatial":-1}',
      'spatial is too small',
    ],
    ['deep nesting', `{"type":${'['.repeat(10_000)}`, 'frame is nested too deeply'],
    [
      'a candidate too long',
      `{"type":"publish-ice-candidate","roomName":"r","candidate":"${'x'.repeat(2_000)}"}`,
      'candidate is too large',
    ],
  ])('%s is answered with what is wrong', async (_case, frame, message) => {
    const client = await cluster.enter('eve');
    client.sendText(frame);
    expect(await client.next('error')).toMatchObject({ code: 'INVALID_ARGUMENT', message });
    client.send({ type: 'join-room', roomName: 'alive', id: 1 });
    await client.next('room-joined');
    await client.leave();
    await nobodyElseNoticed();
  });

  test('what is wrong is told under the id of the request', async () => {
    const client = await cluster.enter('eve');
    client.send({ type: 'join-room', id: 'seven' });
    expect(await client.next('error')).toMatchObject({ id: 'seven' });
    client.send({ type: 'join-room', id: { not: 'an id' } });
    expect(await client.next('error')).not.toHaveProperty('id');
    await client.leave();
  });

  test('names of prototypes and duplicate keys change nothing', async () => {
    const client = await cluster.enter('eve');
    client.sendText(
      '{"type":"auth","type":"join-room","__proto__":{"roomName":"x","polluted":1},"constructor":{"prototype":{"polluted":1}},"roomName":"__proto__"}',
    );
    expect((await client.next('room-joined')).roomName).toBe('__proto__');
    client.send({ type: 'subscribe-request', roomName: '__proto__', publisherId: 'constructor' });
    await client.next('subscribe-offer');
    client.send({ type: 'leave-room', roomName: 'toString' });
    expect((await client.next('error')).message).toBe('You are not in this room');
    await client.leave();
    await nobodyElseNoticed();
  });

  test.each([
    [
      'a frame too large',
      (client: TestClient) => client.sendText('x'.repeat(256 * 1024 + 1)),
      1009,
    ],
    [
      'a message too large in fragments',
      (client: TestClient) => {
        for (let index = 0; index < 300; index += 1) {
          client.socket.send('x'.repeat(1_024), { fin: false });
        }
      },
      1009,
    ],
    [
      'bytes that are no text',
      (client: TestClient) => client.socket.send(Buffer.from([0xff, 0xfe]), { binary: false }),
      1007,
    ],
  ])('%s ends the connection', async (_case, send, code) => {
    const client = await cluster.enter('eve');
    send(client);
    expect((await client.ended()).code).toBe(code);
    await nobodyElseNoticed();
  });

  test('a frame of the largest size is read', async () => {
    const client = await cluster.enter('eve');
    const frame = { type: 'publish-offer', roomName: 'large', offer: '' };
    const space = 256 * 1024 - JSON.stringify(frame).length;
    client.send({ ...frame, offer: 'x'.repeat(space) });
    await client.next('publish-answer');
    await client.leave();
  });

  test('a binary frame is an error and no more', async () => {
    const client = await cluster.enter('eve');
    client.socket.send(Buffer.from('{"type":"join-room","roomName":"r"}'));
    expect(await client.next('error')).toMatchObject({
      message: 'binary frames are not understood here',
    });
    await client.leave();
  });

  test('an opcode that does not exist ends the connection', async () => {
    const client = await cluster.enter('eve');
    const { _socket: raw } = client.socket as unknown as { _socket: Socket };
    raw.write(Buffer.from([0x83, 0x80, 0, 0, 0, 0]));
    expect((await client.ended()).code).toBe(1002);
    await nobodyElseNoticed();
  });

  test('compression is not offered, so nothing can be a bomb', async () => {
    const client = await TestClient.open(cluster.gateway.ws, { perMessageDeflate: true });
    expect(client.socket.extensions).toBe('');
    await client.leave();
  });

  test('a flood of messages is slowed down, told once, and cut off when it goes on', async () => {
    const client = await cluster.enter('eve');
    for (let index = 0; index < 260; index += 1) client.sendText('{}');
    expect(await client.next('error', ({ code }) => code === 'RATE_LIMITED')).toMatchObject({
      message: 'too many messages',
    });
    for (let index = 0; index < 400; index += 1) client.sendText('{}');
    expect((await client.ended()).code).toBe(4429);
    const limited = client.received.filter(
      (message) => message.type === 'error' && message.code === 'RATE_LIMITED',
    );
    expect(limited.length).toBeLessThanOrEqual(2);
    await nobodyElseNoticed();
  });

  test('a flood of pings is cut off', async () => {
    const client = await cluster.enter('eve');
    for (let index = 0; index < 200; index += 1) client.socket.ping();
    expect((await client.ended()).code).toBe(4429);
    await nobodyElseNoticed();
  });

  test('messages after its close are nobody’s', async () => {
    const client = await cluster.enter('eve');
    client.socket.close(1000);
    const { _socket: raw } = client.socket as unknown as { _socket: Socket };
    const text = Buffer.from('{"type":"join-room","roomName":"late"}');
    raw.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]));
    await client.ended();
    const calls = [...cluster.a.calls, ...cluster.b.calls];
    await nobodyElseNoticed();
    expect(calls.filter((call) => call === 'openSession late')).toEqual([]);
  });

  test('whatever a client sends, it gets answers or is closed, and nobody else notices', async () => {
    const someText = fc.oneof(fc.string(), fc.constantFrom(roomName, 'witness', '__proto__', ''));
    const someValue = fc.oneof(someText, fc.jsonValue({ maxDepth: 4 }));
    const someFrame = fc.oneof(
      { weight: 1, arbitrary: fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()) },
      { weight: 1, arbitrary: fc.json() },
      {
        weight: 6,
        arbitrary: fc
          .record(
            {
              type: fc.oneof(fc.constantFrom(...CLIENT_MESSAGE_TYPES), someText),
              id: someValue,
              roomName: someValue,
              publisherId: someValue,
              targetUserId: someValue,
              purpose: someValue,
              offer: someValue,
              answer: someValue,
              sdp: someValue,
              candidate: someValue,
              resumeToken: someValue,
              connection: someValue,
              spatial: someValue,
            },
            { requiredKeys: ['type'] },
          )
          .map((message) => JSON.stringify(message).toWellFormed()),
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(someFrame, { maxLength: 40 }), async (frames) => {
        const client = await cluster.enter('fuzz');
        for (const frame of frames) client.sendText(frame);
        client.send({ type: 'get-stats', roomName: 'nowhere', id: 'the end' });
        await eventually(() =>
          (client.closed ??
          client.received.some((message) => 'id' in message && message.id === 'the end'))
            ? undefined
            : 'no answer',
        );
        await client.leave();
      }),
      { numRuns: 60 },
    );
    await nobodyElseNoticed();
  });
});

describe('authentication', () => {
  const inAMinute = () => Math.floor(Date.now() / 1_000) + 60;

  function jwt(claims: object, alg = 'HS256', secret = TOKEN_SECRET): string {
    const body = { sub: 'eve', exp: inAMinute(), ...claims };
    const text = [{ alg }, body]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    const seal = createHmac('sha256', secret).update(text).digest('base64url');
    return `${text}.${alg === 'none' ? '' : seal}`;
  }

  test.each([
    ['expired', () => jwt({ exp: inAMinute() - 1_000 }), 'token expired'],
    ['foreign', () => jwt({}, 'HS256', 'another secret of 32 characters!'), 'bad signature'],
    ['of alg none', () => jwt({}, 'none'), 'algorithm not allowed'],
    ['of another algorithm', () => jwt({}, 'RS256'), 'algorithm not allowed'],
    ['without a subject', () => jwt({ sub: undefined }), 'claim sub not accepted'],
    ['of 100 KB', () => jwt({ padding: 'x'.repeat(100_000) }), 'token too long'],
    ['empty', () => '', 'algorithm not allowed'],
  ])('a token that is %s is refused and the connection closed', async (_case, make, reason) => {
    const client = await TestClient.open(cluster.gateway.ws);
    client.send({ type: 'auth', token: make() });
    expect(await client.next('error')).toMatchObject({
      code: 'UNAUTHENTICATED',
      message: `Authentication failed: ${reason}`,
    });
    expect((await client.ended()).code).toBe(4401);
    expect(client.received).toHaveLength(1);
  });

  test('something else than a token first is refused, and nothing after it is done', async () => {
    const client = await TestClient.open(cluster.gateway.ws);
    client.send({ type: 'join-room', roomName });
    client.send({ type: 'auth', token: await tokens.issue({ subject: 'eve' }) });
    expect((await client.next('error')).message).toMatch(/^Authentication failed: /);
    expect((await client.ended()).code).toBe(4401);
    expect(client.count('authenticated') + client.count('room-joined')).toBe(0);
  });

  test('who shows no token in time is closed, and one address cannot hold many such', async () => {
    const silent = await Promise.all(
      Array.from({ length: 20 }, () => TestClient.open(cluster.gateway.ws)),
    );
    const refused = new WebSocket(cluster.gateway.ws);
    const [error] = (await once(refused, 'error')) as [Error];
    expect(error.message).toContain('429');
    await Promise.all(
      silent.map(async (client) => {
        expect((await client.ended()).code).toBe(4401);
        expect(await client.next('error')).toMatchObject({
          message: 'Authentication failed: no token in time',
        });
      }),
    );
    await (await cluster.enter('again')).leave();
  });

  test('no log line holds a token', () => {
    const log = cluster.gateway.lines.join('\n');
    expect(log).not.toContain('eyJ');
    expect(log).not.toContain(TOKEN_SECRET);
  });
});

describe('handshakes', () => {
  const HANDSHAKE = [
    'Host: x',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ];

  async function answerTo(requestLine: string, headers: readonly string[]): Promise<string> {
    const url = new URL(cluster.gateway.http);
    const socket = connect(Number(url.port), url.hostname);
    let answer = '';
    socket.on('data', (bytes) => {
      answer += bytes.toString('utf8');
      if (answer.includes('\r\n\r\n')) socket.end();
    });
    socket.on('error', () => undefined);
    socket.write([requestLine, ...headers, '', ''].join('\r\n'));
    await once(socket, 'close');
    return answer.split('\r\n', 1)[0] ?? '';
  }

  const without = (name: string) => HANDSHAKE.filter((header) => !header.startsWith(name));

  test.each([
    ['as it should be', 'GET /ws HTTP/1.1', HANDSHAKE, '101'],
    ['with a query, which is ignored', 'GET /ws?token=x HTTP/1.1', HANDSHAKE, '101'],
    ['elsewhere', 'GET /elsewhere HTTP/1.1', HANDSHAKE, '404'],
    ['of HTTP/1.0', 'GET /ws HTTP/1.0', HANDSHAKE, '400'],
    ['by POST', 'POST /ws HTTP/1.1', HANDSHAKE, '405'],
    ['without a key', 'GET /ws HTTP/1.1', without('Sec-WebSocket-Key'), '400'],
    [
      'with a key of the wrong length',
      'GET /ws HTTP/1.1',
      [...without('Sec-WebSocket-Key'), 'Sec-WebSocket-Key: x'],
      '400',
    ],
    [
      'of an old version',
      'GET /ws HTTP/1.1',
      [...without('Sec-WebSocket-Version'), 'Sec-WebSocket-Version: 7'],
      '4',
    ],
    [
      'with headers beyond the bound',
      'GET /ws HTTP/1.1',
      [...HANDSHAKE, `X-Padding: ${'x'.repeat(20_000)}`],
      '431',
    ],
    ['that is no HTTP', 'HELLO', [], '400'],
  ])('one %s', async (_case, requestLine, headers, status) => {
    expect(await answerTo(requestLine, headers)).toMatch(new RegExp(`^HTTP/1.1 ${status}`));
  });

  test('a handshake without an end is cut off', async () => {
    const url = new URL(cluster.gateway.http);
    const sockets = Array.from({ length: 100 }, () => connect(Number(url.port), url.hostname));
    const closed = sockets.map((socket) => {
      socket.on('error', () => undefined);
      socket.resume();
      socket.write('GET /ws HTTP/1.1\r\nHost: x\r\nX-Slow: ');
      return once(socket, 'close');
    });
    await nobodyElseNoticed();
    await Promise.all(closed);
    await nobodyElseNoticed();
  });

  test('only listed origins connect where some are listed, and who is no web page', async () => {
    const strict = await cluster.addGateway({
      SLUICE_ALLOWED_ORIGINS: 'https://app.example, https://other.example',
    });
    for (const origin of ['https://app.example', 'https://other.example', undefined]) {
      const client = await TestClient.open(strict.ws, origin === undefined ? {} : { origin });
      await client.leave();
    }
    for (const origin of ['https://evil.example', 'null', 'https://app.example.evil.example']) {
      const refused = new WebSocket(strict.ws, { origin });
      const [error] = (await once(refused, 'error')) as [Error];
      expect(error.message).toContain('403');
    }
    const anywhere = await TestClient.open(cluster.gateway.ws, { origin: 'https://evil.example' });
    await anywhere.leave();
  });

  test('no more connections than configured are let in', async () => {
    const small = await cluster.addGateway({ SLUICE_CONNECTIONS_MAX: '2' });
    const token = await tokens.issue({ subject: 'ann' });
    const clients = [
      await TestClient.enter(small.ws, token),
      await TestClient.enter(small.ws, token),
    ];
    const refused = new WebSocket(small.ws);
    const [error] = (await once(refused, 'error')) as [Error];
    expect(error.message).toContain('503');
    await clients[0]!.leave();
    await eventually(async () => {
      const client = await TestClient.enter(small.ws, token);
      await client.leave();
      return undefined;
    });
  });
});

test('a client that reads nothing is let go before it fills the memory', async () => {
  const slow = await cluster.enter('slow');
  slow.send({ type: 'join-room', roomName: 'noisy' });
  const { node } = await slow.next('room-joined');
  const { _socket: raw } = slow.socket as unknown as { _socket: Socket };
  raw.pause();
  const subscription = {
    stream: { room: 'noisy', participant: 'x', purpose: 'm.usermedia' },
    connection: '',
  };
  const sdp = 'x'.repeat(200_000);
  const home = cluster.nodeOf(node);
  await eventually(() => {
    if (!home.sessionOf('slow').watch) return undefined;
    home.tell('slow', { $case: 'subscriptionOffered', value: { subscription, sdp } });
    return 'still served';
  }, 20_000);
  slow.vanish();
  await nobodyElseNoticed();
});
