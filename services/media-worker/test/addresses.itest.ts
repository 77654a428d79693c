import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { SluiceError } from '@sluice/core';
import { askCloud } from '../src/addresses/cloud-metadata.js';
import { askStun } from '../src/addresses/stun-client.js';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const failureOf = async (work: Promise<unknown>) =>
  SluiceError.from(
    await work.then(
      () => new Error('it worked'),
      (error: unknown) => error,
    ),
  ).code;

/** A STUN server: answers each request by what `respond` makes of it. */
async function stunServer(respond: (request: Buffer, socket: Socket) => Buffer[]): Promise<number> {
  const socket = createSocket('udp4');
  socket.on('message', (request, { port, address }) => {
    for (const answer of respond(request, socket)) socket.send(answer, port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  closing.push(() => socket.close());
  return socket.address().port;
}

/** A success of RFC 8489, after an attribute that nobody knows, with 203.0.113.7 in it. */
function success(request: Buffer): Buffer {
  const answer = Buffer.alloc(20 + 8 + 12);
  answer.writeUInt16BE(0x0101, 0);
  answer.writeUInt16BE(20, 2);
  request.copy(answer, 4, 4, 20);
  answer.writeUInt16BE(0x8022, 20);
  answer.writeUInt16BE(3, 22);
  answer.write('abc', 24);
  answer.writeUInt16BE(0x0020, 28);
  answer.writeUInt16BE(8, 30);
  answer.writeUInt8(1, 33);
  answer.writeUInt16BE(4_000 ^ 0x2112, 34);
  Buffer.from([203 ^ 0x21, 0 ^ 0x12, 113 ^ 0xa4, 7 ^ 0x42]).copy(answer, 36);
  return answer;
}

describe('a STUN server', () => {
  test('says the address that it sees', async () => {
    const port = await stunServer((request) => [success(request)]);
    expect(await askStun('127.0.0.1', port)).toBe('203.0.113.7');
  });

  test('is asked again, and what is no answer to us is passed over', async () => {
    let requests = 0;
    const port = await stunServer((request) => {
      requests += 1;
      if (requests === 1) return [];
      const foreign = success(request);
      foreign.writeUInt8(foreign.readUInt8(19) ^ 1, 19);
      return [Buffer.from('hello'), foreign, success(request)];
    });
    expect(await askStun('127.0.0.1', port)).toBe('203.0.113.7');
  });

  test('that says nothing, or is not known, is unavailable', async () => {
    const port = await stunServer(() => []);
    expect(await failureOf(askStun('127.0.0.1', port))).toBe('UNAVAILABLE');
    expect(await failureOf(askStun('stun.invalid', 3_478))).toBe('UNAVAILABLE');
  });
});

async function metadataServer(answer: (request: IncomingMessage) => string | number) {
  const server: Server = createServer((request, response) => {
    const said = answer(request);
    if (typeof said === 'number') response.writeHead(said, { Location: '/elsewhere' }).end();
    else response.end(said);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a cloud’s metadata', () => {
  test('of AWS is asked with a token', async () => {
    const origin = await metadataServer(({ method, url, headers }) => {
      if (method === 'PUT' && url === '/latest/api/token') return 'a-token';
      const known = headers['x-aws-ec2-metadata-token'] === 'a-token';
      return known && url === '/latest/meta-data/public-ipv4' ? '203.0.113.7\n' : 401;
    });
    expect(await askCloud('aws', origin)).toBe('203.0.113.7');
  });

  test.each([
    ['gcp', 'metadata-flavor', 'Google', '/computeMetadata/v1/'],
    ['azure', 'metadata', 'true', '/metadata/instance/'],
  ] as const)('of %s is asked with the header that it wants', async (cloud, name, value, path) => {
    const origin = await metadataServer(({ url, headers }) =>
      headers[name] === value && url?.startsWith(path) === true ? '203.0.113.8' : 403,
    );
    expect(await askCloud(cloud, origin)).toBe('203.0.113.8');
  });

  test.each([
    ['no address', ''],
    ['something else', '<html>'],
    ['another place', 302],
    ['an error', 500],
  ])('that says %s is unavailable', async (_what, said) => {
    const origin = await metadataServer(() => said);
    expect(await failureOf(askCloud('gcp', origin))).toBe('UNAVAILABLE');
  });
});
