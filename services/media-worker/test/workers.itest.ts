import { createHmac, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '@sluice/core';
import { eventually, freePort } from '@sluice/testing';
import type { CoreBeacon, HomeRouter } from '../src/domain/routers/home-router.js';
import type { Log } from '../src/domain/ports.js';
import { openHomeRouters, type Workers } from '../src/mediasoup/workers.js';

let logged: string[];
let stops: (() => void)[];

beforeEach(() => {
  logged = [];
  stops = [];
});

afterEach(() => {
  for (const stop of stops.reverse()) stop();
});

const note = (_fields: object, message: string) => logged.push(message);
const log: Log = { debug: () => {}, info: note, warn: note, error: note };

async function open(cores: number, basePort = 0): Promise<Workers> {
  const listen = { ip: '127.0.0.1', basePort };
  const workers = await openHomeRouters({ cores, listen, clock: systemClock, log });
  stops.push(() => workers.close());
  return workers;
}

function kill(workers: Workers, router: HomeRouter): void {
  process.kill(workers.pids().get(router.routerId)!, 'SIGKILL');
}

async function portsOf(router: HomeRouter): Promise<number[]> {
  const { udpSockets, tcpServers } = await router.webRtcServer.dump();
  return [...udpSockets, ...tcpServers].map(({ port }) => port);
}

/** Two ports in a row that were free just now. */
async function freePorts(): Promise<number> {
  for (;;) {
    const port = await freePort();
    const next = createServer();
    const free = await new Promise<boolean>((resolve) => {
      next.once('error', () => resolve(false));
      next.listen(port + 1, '127.0.0.1', () => next.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

describe('the workers of a node', () => {
  it('listen on one UDP and one TCP port each, in a row', async () => {
    const port = await freePorts();
    const workers = await open(2, port);
    const ports = await Promise.all(workers.list.map(portsOf));
    expect(ports).toEqual([
      [port, port],
      [port + 1, port + 1],
    ]);
    expect(new Set(workers.pids().values()).size).toBe(2);
  });

  it('do not start at all when a port is taken, and say which', async () => {
    const port = await freePorts();
    const occupant: Server = createServer().listen(port + 1, '127.0.0.1');
    stops.push(() => occupant.close());
    await new Promise((resolve) => occupant.once('listening', resolve));
    const before = childProcesses();

    await expect(open(2, port)).rejects.toThrow(
      `core 1 cannot listen on 127.0.0.1 port ${port + 1}`,
    );

    await eventually(() => {
      const more = childProcesses().filter((pid) => !before.includes(pid));
      return more.length === 0 ? undefined : `processes ${more.join()} are left`;
    });
  });

  it('come back with a new router when one is killed, the others untouched', async () => {
    const port = await freePorts();
    const workers = await open(2, port);
    const [victim, other] = workers.list as [HomeRouter, HomeRouter];
    const seen: string[] = [];
    workers.on('died', ({ routerId }) => seen.push(`died ${routerId}`));
    workers.on('opened', ({ routerId }) => seen.push(`opened ${routerId}`));

    kill(workers, victim);

    await eventually(() => (seen.length === 2 ? undefined : seen.join()));
    const successor = workers.list.find(({ index }) => index === 0)!;
    expect(seen).toEqual([`died ${victim.routerId}`, `opened ${successor.routerId}`]);
    expect(await portsOf(successor)).toEqual([port, port]);
    expect(victim.closed).toBe(true);
    expect(workers.find(victim.routerId)).toBeUndefined();
    expect(workers.find(other.routerId)).toBe(other);
    expect(other.closed).toBe(false);
  });

  it('are replaced when one stands still without having died', async () => {
    const workers = await open(1);
    const [frozen] = workers.list;
    process.kill(workers.pids().get(frozen!.routerId)!, 'SIGSTOP');
    await eventually(
      () => (frozen!.closed && workers.list.length === 1 ? undefined : 'still the frozen one'),
      20_000,
    );
    expect(workers.list[0]!.routerId).not.toBe(frozen!.routerId);
    expect(logged).toContain('mediasoup worker does not answer and is killed');
  });

  it('are left alone when they keep dying; the node is unready when none is left', async () => {
    const workers = await open(1);
    for (let death = 0; death < 3; death += 1) {
      await eventually(() => (workers.list.length === 1 ? undefined : 'no worker'));
      expect(workers.notReadyBecause()).toEqual([]);
      const [router] = workers.list;
      kill(workers, router!);
      await eventually(() => (router!.closed ? undefined : 'it lives'));
    }
    expect(logged).toContain('mediasoup worker keeps dying and is left alone');
    expect(workers.notReadyBecause()).toEqual(['no mediasoup worker runs']);
  });

  it('end with the node, and do not come back', async () => {
    const before = childProcesses();
    const workers = await open(2);
    const [router] = workers.list;
    workers.close();
    expect(router!.closed).toBe(true);
    await eventually(() => {
      const more = childProcesses().filter((pid) => !before.includes(pid));
      return more.length === 0 ? undefined : `processes ${more.join()} are left`;
    });
    expect(logged).toEqual([]);
  });

  it('leave the signals of the process to the node, which drains first', async () => {
    const before = process.listenerCount('SIGTERM') + process.listenerCount('SIGINT');
    await open(2);
    expect(process.listenerCount('SIGTERM') + process.listenerCount('SIGINT')).toBe(before);
  });

  it('answer binding requests at their beacons, by themselves, to who knows the password', async () => {
    const workers = await open(2);
    const beacons = [...workers.beacons().values()];
    expect(new Set(beacons.map(({ port }) => port)).size).toBe(2);
    for (const beacon of beacons) {
      expect(await bindingAnswer(beacon)).toBe(BINDING_SUCCESS);
      const stranger = { ...beacon, icePassword: 'somebody-elses-password' };
      expect(await bindingAnswer(stranger)).not.toBe(BINDING_SUCCESS);
    }
  });

  it('report their CPU shares by router', async () => {
    const workers = await open(2);
    await workers.cpuShares();
    const shares = await workers.cpuShares();
    expect([...shares.keys()].sort()).toEqual(workers.list.map(({ routerId }) => routerId).sort());
    for (const share of shares.values()) {
      expect(share).toBeGreaterThanOrEqual(0);
      expect(share).toBeLessThanOrEqual(1);
    }
  });
});

const BINDING_SUCCESS = 0x0101;

/** The type of what comes back for a STUN binding request (RFC 8489, RFC 8445 §7.1). */
async function bindingAnswer(beacon: CoreBeacon): Promise<number> {
  const socket = createSocket('udp4');
  const answered = once(socket, 'message') as Promise<[Buffer]>;
  socket.send(bindingRequest(beacon), beacon.port, beacon.ip);
  const [answer] = await answered;
  socket.close();
  return answer.readUInt16BE(0);
}

function bindingRequest({ iceUsernameFragment, icePassword }: CoreBeacon): Buffer {
  const attribute = (type: number, value: Buffer) => {
    const head = Buffer.alloc(4);
    head.writeUInt16BE(type, 0);
    head.writeUInt16BE(value.length, 2);
    return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)]);
  };
  const head = Buffer.alloc(20);
  head.writeUInt16BE(0x0001, 0);
  head.writeUInt32BE(0x2112a442, 4);
  randomBytes(12).copy(head, 8);
  const username = attribute(0x0006, Buffer.from(`${iceUsernameFragment}:test`));
  const priority = attribute(0x0024, Buffer.from([0x6e, 0, 1, 0xff]));
  const controlling = attribute(0x802a, randomBytes(8));
  const body = Buffer.concat([username, priority, controlling]);
  head.writeUInt16BE(body.length + 24, 2);
  const hmac = createHmac('sha1', icePassword)
    .update(Buffer.concat([head, body]))
    .digest();
  const signed = Buffer.concat([body, attribute(0x0008, hmac)]);
  head.writeUInt16BE(signed.length + 8, 2);
  const fingerprint = Buffer.alloc(4);
  fingerprint.writeUInt32BE((crc32(Buffer.concat([head, signed])) ^ 0x5354554e) >>> 0);
  return Buffer.concat([head, signed, attribute(0x8028, fingerprint)]);
}

/** Media workers that this process has started and that still run (proc(5), `stat`). */
function childProcesses(): string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      const [state, parent] = statOf(pid);
      return state !== 'Z' && parent === String(process.pid);
    });
}

function statOf(pid: string): readonly string[] {
  try {
    // The second field is a name in parentheses, which may itself have spaces.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
  } catch {
    // It ended between the listing and now.
    return [];
  }
}
