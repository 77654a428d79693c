import { randomBytes } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { isSignedWith, isStun, parseStun, writeCheck, type UdpAddress } from '@sluice/stun';
import type { BehindFront } from './front-messages.js';
import { IceAgent, type IceCredentials } from './ice-agent.js';
import { reachableAddresses } from './reachable-addresses.js';

const TICK_MS = 50;
const SOCKET_BUFFER_BYTES = 4 * 1024 * 1024;
/** Of what the other side sends before the transport behind us knows us: the start of DTLS. */
const EARLY_MAX = 16;
const CHECK_BEHIND_MS = 200;
/** Well within the time after which the transport would take the other side for lost. */
const CONSENT_BEHIND_MS = 3_000;
/** Of a host candidate. */
const PRIORITY = 0x7effffff;

/**
 * An ICE agent in front of a transport that only answers checks. To the other side it is the one
 * whom it meets, to the transport it is the other side; all but ICE passes through as it came, and
 * nobody here could read it.
 */
export class Front {
  readonly #agent: IceAgent;
  readonly #outside: Outside;
  readonly #inside: Socket;
  readonly #ticking: NodeJS.Timeout;
  readonly #ownFragment = randomBytes(6).toString('hex');
  #early: Buffer[] = [];
  #known = false;
  #checkBehindAtMs = 0;
  #closed = false;

  private constructor(
    credentials: IceCredentials,
    private readonly behind: BehindFront,
    sockets: { readonly outside: Outside; readonly inside: Socket },
    private readonly onEnded: (reason: string) => void,
  ) {
    this.#outside = sockets.outside;
    this.#inside = sockets.inside;
    this.#agent = new IceAgent({
      credentials,
      send: (datagram, to) => this.#sendOut(datagram, to),
      nowMs: () => performance.now(),
      onSelected: () => {
        this.#checkBehindAtMs = 0;
      },
      onLost: () => this.end('ice lost'),
    });
    for (const socket of both(this.#outside)) {
      socket.on('message', (datagram, from) => this.#receive(datagram, from));
    }
    this.#inside.on('message', (datagram) => this.#receiveBehind(datagram));
    for (const socket of [...both(this.#outside), this.#inside]) {
      socket.on('error', () => this.end('socket failed'));
    }
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
  }

  static async open(
    credentials: IceCredentials,
    behind: BehindFront,
    onEnded: (reason: string) => void,
  ): Promise<Front> {
    const inside = createSocket(isIPv6(behind.address.ip) ? 'udp6' : 'udp4');
    const outside: Outside = { ipv4: await bound('udp4'), ipv6: await bound('udp6') };
    inside.connect(behind.address.port, behind.address.ip);
    await once(inside, 'connect');
    for (const socket of [inside, ...both(outside)]) {
      socket.setRecvBufferSize(SOCKET_BUFFER_BYTES);
      socket.setSendBufferSize(SOCKET_BUFFER_BYTES);
    }
    return new Front(credentials, behind, { outside, inside }, onEnded);
  }

  get agent(): Pick<IceAgent, 'meet' | 'add' | 'restart'> {
    return this.#agent;
  }

  get addresses(): readonly UdpAddress[] {
    return both(this.#outside).flatMap((socket) => {
      const { family, port } = socket.address();
      return reachableAddresses(family === 'IPv6' ? 6 : 4).map((ip) => ({ ip, port }));
    });
  }

  end(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#ticking);
    for (const socket of [...both(this.#outside), this.#inside]) socket.close();
    this.onEnded(reason);
  }

  #receive(datagram: Buffer, { address: ip, port }: RemoteInfo): void {
    if (this.#closed || datagram.length === 0) return;
    const from = { ip, port };
    if (isStun(datagram)) this.#agent.receive(datagram, from);
    else if (!this.#agent.trusts(from)) return;
    else if (this.#known) this.#inside.send(datagram, ignoreLoss);
    else if (this.#early.length < EARLY_MAX) this.#early.push(datagram);
  }

  #receiveBehind(datagram: Buffer): void {
    if (this.#closed) return;
    if (isStun(datagram)) {
      const message = parseStun(datagram);
      const answered = message?.type === 'success' && isSignedWith(message, this.behind.password);
      if (answered && !this.#known) this.#flushEarly();
      return;
    }
    const { selected } = this.#agent;
    if (selected) this.#sendOut(datagram, selected);
  }

  #flushEarly(): void {
    this.#known = true;
    for (const datagram of this.#early) this.#inside.send(datagram, ignoreLoss);
    this.#early = [];
  }

  #sendOut(datagram: Buffer, { ip, port }: UdpAddress): void {
    if (this.#closed) return;
    const socket = ip.includes(':') ? this.#outside.ipv6 : this.#outside.ipv4;
    socket?.send(datagram, port, ip, ignoreLoss);
  }

  #tick(): void {
    this.#agent.tick();
    if (this.#closed || !this.#agent.hasConsent) return;
    const nowMs = performance.now();
    if (nowMs < this.#checkBehindAtMs) return;
    this.#checkBehindAtMs = nowMs + (this.#known ? CONSENT_BEHIND_MS : CHECK_BEHIND_MS);
    const check = writeCheck({
      transactionId: randomBytes(12),
      username: `${this.behind.usernameFragment}:${this.#ownFragment}`,
      password: this.behind.password,
      priority: PRIORITY,
      role: 'controlling',
      tieBreaker: 1n,
      nominates: true,
    });
    this.#inside.send(check, ignoreLoss);
  }
}

/** Towards the other side: a socket for each family that the host has. */
interface Outside {
  readonly ipv4: Socket | undefined;
  readonly ipv6: Socket | undefined;
}

function both({ ipv4, ipv6 }: Outside): readonly Socket[] {
  return [ipv4, ipv6].filter((socket) => socket !== undefined);
}

/** What UDP loses, whoever sent it sends again. */
const ignoreLoss = () => undefined;

/** Undefined where the host has no such addresses. */
async function bound(type: 'udp4' | 'udp6'): Promise<Socket | undefined> {
  const socket = createSocket({ type, ipv6Only: type === 'udp6' });
  try {
    socket.bind(0);
    await once(socket, 'listening');
    return socket;
  } catch {
    socket.close();
    return undefined;
  }
}
