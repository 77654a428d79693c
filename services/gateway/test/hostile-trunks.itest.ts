import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocketServer, type WebSocket } from 'ws';
import { UmbrellaMessage, UmbrellaServers, UmbrellaStatus } from '@sluice/proto-gen/umbrella';
import { eventually } from '@sluice/testing';
import { startFakeCluster, tokens, type FakeCluster } from './fake-cluster-run.fixture.js';
import type { TestClient } from './test-client.fixture.js';

const SECRET = 'what-only-they-should-see';
const PROTOBUF = 'application/x-protobuf';
const roomName = 'watched';

/** Servers that are dialled, one for each path, which do with it whatever they like. */
class HostileServers {
  /** How often each was dialled. */
  readonly dialled = new Map<string, number>();
  /** Codes of what they were told was wrong. */
  readonly problems: string[] = [];
  readonly #server: Server = createServer();
  readonly #sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  readonly #raw = new Set<Duplex>();

  async open(): Promise<void> {
    this.#server.on('upgrade', (request, socket, head) => {
      const { pathname: path } = new URL(request.url ?? '', 'http://x');
      this.dialled.set(path, (this.dialled.get(path) ?? 0) + 1);
      socket.on('error', () => undefined);
      const answer = this.#answers[path];
      if (answer) {
        this.#raw.add(socket);
        answer(socket);
      } else {
        this.#sockets.handleUpgrade(request, socket, head, (accepted) => {
          accepted.on('error', () => undefined);
          this.#conducts[path]?.(accepted);
        });
      }
    });
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  url(path: string, host = '127.0.0.1'): string {
    const { port } = this.#server.address() as AddressInfo;
    return `ws://${host}:${port}${path}?token=${SECRET}`;
  }

  close(): void {
    for (const socket of this.#raw) socket.destroy();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  readonly #answers: Readonly<Record<string, (socket: Duplex) => void>> = {
    '/refuse/wsb': (socket) => socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n'),
    '/elsewhere/wsb': (socket) => {
      socket.end(`HTTP/1.1 302 Found\r\nLocation: ${this.url('/inside/wsb')}\r\n\r\n`);
    },
    '/endless/wsb': (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      const saying = setInterval(() => socket.write('x'.repeat(10_000)), 5);
      socket.on('close', () => clearInterval(saying));
    },
    '/headers/wsb': (socket) => {
      socket.end(`HTTP/1.1 101 Switching\r\nX-Much: ${'x'.repeat(100_000)}\r\n\r\n`);
    },
    '/broken/wsb': (socket) => socket.destroy(),
    '/silent/wsb': () => undefined,
  };

  readonly #conducts: Readonly<Record<string, (socket: WebSocket) => void>> = {
    '/huge/wsb': (socket) => socket.send(Buffer.alloc(300_000)),
    '/noise/wsb': (socket) => times(1_000, () => socket.send(Buffer.from([0xff, 0xff, 0xff]))),
    '/tracks/wsb': (socket) => times(300, () => socket.send(TRACKS)),
    '/offers/wsb': (socket) => times(300, () => socket.send(OFFER)),
    '/pings/wsb': (socket) => times(1_000, () => socket.ping()),
    '/offer/wsb': (socket) => {
      socket.on('message', (frame) => {
        const { hello, problem } = UmbrellaMessage.decode(frame as Buffer);
        if (hello) socket.send(OFFER);
        if (problem) this.problems.push(problem.code);
      });
    },
  };
}

function times(count: number, act: () => void): void {
  for (let index = 0; index < count; index += 1) act();
}

/** As many tracks as fit, none of them with a name. */
const TRACKS = (() => {
  const list = Buffer.alloc(150_000, Buffer.from([0x0a, 0x00]));
  return Buffer.concat([Buffer.from([0x22, 0xf0, 0x93, 0x09]), list]);
})();

const OFFER = UmbrellaMessage.encode(
  UmbrellaMessage.fromPartial({
    offer: {
      offer: JSON.stringify({
        type: 'offer',
        sdp: `v=0\r\n${'m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=sendonly\r\n'.repeat(3_000)}`,
      }),
    },
  }),
).finish();

let cluster: FakeCluster;
let servers: HostileServers;
/** Somebody who must not notice anything. */
let witness: TestClient;

beforeAll(async () => {
  cluster = await startFakeCluster();
  servers = new HostileServers();
  await servers.open();
  witness = await cluster.enter('witness');
  witness.send({ type: 'publish-offer', roomName, offer: 'o' });
  await witness.next('publish-answer');
});

afterAll(async () => {
  servers.close();
  await cluster.stop();
});

async function asOperator(path: string, body?: Uint8Array): Promise<Buffer> {
  const token = await tokens.issue({ subject: 'operator', admin: true });
  const response = await fetch(`${cluster.gateway.http}${path}`, {
    method: body ? 'POST' : 'GET',
    headers: { 'Content-Type': PROTOBUF, Authorization: `Bearer ${token}` },
    ...(body && { body: Buffer.from(body) }),
  });
  expect(response.status).toBe(200);
  return Buffer.from(await response.arrayBuffer());
}

const setServers = (urls: readonly string[]) =>
  asOperator('/servers', UmbrellaServers.encode({ servers: [...urls] }).finish());

/** Why each trunk ended the last time, by path; empty for one that goes on. */
async function endings(): Promise<Record<string, string>> {
  const { trunks } = UmbrellaStatus.decode(await asOperator('/status'));
  return Object.fromEntries(
    trunks.map(({ server, code, reason }) => {
      const { hostname, pathname } = new URL(server);
      const name = hostname === 'localhost' ? `${hostname}${pathname}` : pathname;
      return [name, code === '' ? '' : `${code}: ${reason}`];
    }),
  );
}

async function isServed(): Promise<void> {
  const id = Math.random();
  witness.send({ type: 'get-stats', roomName, id });
  await witness.next('stats', (stats) => stats.id === id);
}

test('whatever a server does that is dialled, operators are told why, and nobody else notices', async () => {
  const expected = {
    '/refuse/wsb': 'PERMISSION_DENIED: it does not let us in',
    '/elsewhere/wsb': 'UNAVAILABLE: it leads elsewhere, which is not followed',
    '/endless/wsb': 'UNAVAILABLE: it answers 200 instead of a WebSocket',
    '/headers/wsb': 'UNAVAILABLE: it cannot be reached',
    '/broken/wsb': expect.stringMatching(/^UNAVAILABLE: /) as string,
    '/silent/wsb': 'DEADLINE_EXCEEDED: it does not answer',
    '/huge/wsb': 'TOO_LARGE: it sent a frame beyond the limit',
    '/noise/wsb': 'RATE_LIMITED: too many messages',
    '/tracks/wsb': expect.stringMatching(/^RATE_LIMITED: too many/) as string,
    '/offers/wsb': expect.stringMatching(/^RATE_LIMITED: too many/) as string,
    '/pings/wsb': 'RATE_LIMITED: it pings too often',
    '/offer/wsb': '',
    'localhost/inside/wsb': 'UNAVAILABLE: its name leads to an address that is not allowed',
  };
  const paths = Object.keys(expected).filter((path) => path.startsWith('/'));
  await setServers([
    ...paths.map((path) => servers.url(path)),
    servers.url('/inside/wsb', 'localhost'),
  ]);
  await eventually(async () => {
    await isServed();
    const seen = JSON.stringify(await endings());
    return seen.includes('DEADLINE_EXCEEDED') && seen.includes('pings') ? undefined : seen;
  }, 20_000);
  expect(await endings()).toEqual(expected);
  expect(servers.problems).toContain('TOO_LARGE');

  // Nobody is dialled where nobody may be, or again and again.
  expect(servers.dialled.get('/inside/wsb')).toBeUndefined();
  expect(servers.dialled.get('/refuse/wsb')).toBe(1);
  expect(Math.max(...servers.dialled.values())).toBeLessThan(10);

  await setServers([]);
  await eventually(() => {
    const sessions = [cluster.a, cluster.b].flatMap((node) => [...node.sessions.values()]);
    const left = sessions.filter(({ ref }) => ref.participant.startsWith('umbrella-'));
    return left.length === 0 ? undefined : `${left.length} sessions are left`;
  }, 20_000);
  await isServed();
  expect(witness.closed).toBeUndefined();
  expect(witness.count('error')).toBe(0);
  const log = cluster.gateway.lines;
  expect(log.filter((line) => line.includes('"level":"error"'))).toEqual([]);
  expect(log.join('\n')).toContain('it does not let us in');
  expect(log.join('\n')).not.toContain(SECRET);
});
