import { createHash } from 'node:crypto';
import type { ClientRequestArgs } from 'node:http';
import { WebSocket, type ClientOptions } from 'ws';
import { SluiceError, TokenBucket, type Timer } from '@sluice/core';
import { FRAME_MAX_BYTES } from '@sluice/protocol';
import { guardedLookup } from '@sluice/service-kit';
import { grantsOf, type Identity } from '@sluice/tokens';
import { JoinSpans } from '@sluice/tracing';
import { UmbrellaLink, type UmbrellaPorts } from '../domain/umbrella/link.js';
import type { UmbrellaLinks } from '../domain/umbrella/links.js';
import type { UmbrellaMessage } from '../domain/umbrella/messages.js';
import { withoutSecrets } from '../domain/umbrella/server-list.js';
import type { Trunk } from '../domain/umbrella/trunks.js';
import { decodeUmbrella, encodeUmbrella } from '../proto/umbrella.js';
import { closeReason } from './client-socket.js';
import { closedByServer, failureOf, refusedByServer } from './trunk-failure.js';

const HANDSHAKE_TIMEOUT_MS = 5_000;
/** Behind a NAT nobody else tells us that the way is gone. */
const PING_INTERVAL_MS = 5_000;
const MISSED_PONGS_MAX = 2;
/** Pings that it may send. */
const PINGS_PER_SECOND = 5;
const PINGS_BURST = 20;
const UNSENT_MAX_BYTES = 1024 * 1024;

/** ws knows `closeTimeout`, its types do not yet. */
const SOCKET_OPTIONS: ClientOptions & { readonly closeTimeout: number } = {
  handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  closeTimeout: 3_000,
  maxPayload: FRAME_MAX_BYTES,
  perMessageDeflate: false,
  followRedirects: false,
};

export interface TrunkDialerOptions {
  /** What the requests of one link belong to, says who opens it. */
  readonly ports: Omit<UmbrellaPorts, 'inRequest'>;
  readonly links: UmbrellaLinks;
  /** What is exchanged. */
  readonly room: string;
  /** Networks, besides public ones, to which names of servers may lead. */
  readonly allowedNetworks: readonly string[];
}

/** Dials another server’s `/wsb`. */
export function trunkDialer(options: TrunkDialerOptions): (server: string) => Trunk {
  const lookup = guardedLookup(options.allowedNetworks);
  return (server) => new DialledTrunk(server, options, lookup);
}

/** A WebSocket to a server of which nothing is taken for granted. */
class DialledTrunk implements Trunk {
  readonly #socket: WebSocket;
  readonly #pinging: Timer;
  readonly #pings: TokenBucket;
  readonly #listeners: (() => void)[] = [];
  #link: UmbrellaLink | undefined;
  #missedPongs = 0;
  #failure: SluiceError | undefined;
  #closed = false;

  constructor(
    private readonly server: string,
    private readonly options: TrunkDialerOptions,
    lookup: ClientRequestArgs['lookup'],
  ) {
    const { clock } = options.ports;
    this.#pings = new TokenBucket(clock, PINGS_PER_SECOND, PINGS_BURST);
    this.#socket = new WebSocket(server, { ...SOCKET_OPTIONS, lookup });
    this.#pinging = clock.every(PING_INTERVAL_MS, () => this.#ping());
    this.#listen(this.#socket);
  }

  get open(): boolean {
    return this.#link !== undefined && !this.#closed;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get failure(): SluiceError | undefined {
    return this.#failure;
  }

  close(): void {
    this.#socket.terminate();
  }

  onClosed(listener: () => void): void {
    this.#listeners.push(listener);
  }

  #listen(socket: WebSocket): void {
    socket.on('open', () => {
      this.#link = this.#openLink();
      this.options.links.add(this.#link);
    });
    socket.on('message', (data, isBinary) => {
      const frame = data as Buffer;
      if (isBinary) this.#link?.receive(frame.length, () => decodeUmbrella(frame));
      else this.#link?.receiveUnreadable('text frames are not understood here');
    });
    socket.on('pong', () => {
      this.#missedPongs = 0;
    });
    socket.on('ping', () => {
      if (!this.#pings.take()) this.#hangUp(new SluiceError('RATE_LIMITED', 'it pings too often'));
    });
    socket.on('unexpected-response', (_request, response) => {
      // Its body may have no end.
      this.#hangUp(refusedByServer(response.statusCode ?? 0));
    });
    // 'close' follows.
    socket.on('error', (error) => {
      this.#failure ??= failureOf(error);
    });
    socket.on('close', (code, reason) => {
      this.#failure ??= closedByServer(code, reason.toString('utf8'));
      this.#end();
    });
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pinging.cancel();
    if (this.#link) this.options.links.remove(this.#link);
    this.#link?.end();
    for (const listener of this.#listeners) listener();
  }

  #ping(): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#missedPongs >= MISSED_PONGS_MAX) {
      this.#hangUp(new SluiceError('DEADLINE_EXCEEDED', 'it does not answer any more'));
      return;
    }
    this.#missedPongs += 1;
    this.#socket.ping();
  }

  #hangUp(failure: SluiceError): void {
    this.#failure ??= failure;
    this.#socket.terminate();
  }

  #openLink(): UmbrellaLink {
    const { ports, room } = this.options;
    const socket = this.#socket;
    const outlet = {
      send: (message: UmbrellaMessage) => {
        if (socket.readyState !== socket.OPEN) return;
        if (socket.bufferedAmount > UNSENT_MAX_BYTES) {
          this.#hangUp(new SluiceError('RATE_LIMITED', 'it reads too slowly'));
        } else socket.send(encodeUmbrella(message));
      },
      close: (code: number, why: SluiceError) => {
        this.#failure ??= why;
        socket.close(code, closeReason(why.message));
      },
    };
    const label = withoutSecrets(this.server);
    const identify = () => Promise.resolve(identityOf(this.server));
    const peer = { identify, roomName: room, label, trunkUrl: label };
    const { inRequest } = new JoinSpans(ports.clock);
    return new UmbrellaLink(outlet, peer, { ...ports, inRequest }, () => undefined);
  }
}

/** The same for all gateways, and while it is dialled again and again. */
function identityOf(server: string): Identity {
  const { host } = new URL(server);
  const subject = `trunk-${createHash('sha256').update(server).digest('base64url').slice(0, 10)}`;
  const grants = grantsOf(['publish', 'subscribe']);
  return { subject, name: host, room: '*', grants, expiresAtS: Number.MAX_SAFE_INTEGER };
}
