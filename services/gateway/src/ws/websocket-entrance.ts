import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type ServerOptions, type WebSocket } from 'ws';
import type { Clock, Timer } from '@sluice/core';
import { FRAME_MAX_BYTES } from '@sluice/protocol';
import type { Connection } from '../domain/connection.js';
import type { Client } from '../domain/ports.js';
import { ClientSocket } from './client-socket.js';

export interface EntranceOptions {
  /** Undefined lets any Origin in. */
  readonly allowedOrigins: readonly string[] | undefined;
  readonly connectionsMax: number;
  readonly clientAddress: (request: IncomingMessage) => string;
  readonly clock: Clock;
  readonly onRefused: (reason: RefusalReason) => void;
  readonly onClosed: (code: number) => void;
  /** `onAuthenticated` is to be called once, when the client has shown who it is. */
  readonly open: (client: Client, onAuthenticated: () => void) => Connection;
}

export type RefusalReason = 'path' | 'protocol' | 'origin' | 'address' | 'full' | 'stopping';

const STATUS: Record<RefusalReason, string> = {
  path: '404 Not Found',
  protocol: '400 Bad Request',
  origin: '403 Forbidden',
  address: '429 Too Many Requests',
  full: '503 Service Unavailable',
  stopping: '503 Service Unavailable',
};

const PATH = '/ws';
const PROBE_INTERVAL_MS = 20_000;
const CLOSE_TIMEOUT_MS = 3_000;
/** Connections from one address that have not shown who they are. */
const UNKNOWN_PER_ADDRESS_MAX = 20;

/** ws knows `closeTimeout`, its types do not yet. */
const SERVER_OPTIONS: ServerOptions & { readonly closeTimeout: number } = {
  noServer: true,
  maxPayload: FRAME_MAX_BYTES,
  // A compressed frame may unpack to a thousand times its size.
  perMessageDeflate: false,
  clientTracking: false,
  closeTimeout: CLOSE_TIMEOUT_MS,
};

/** Lets WebSockets in at `/ws`, within bounds, and lets all go when the gateway stops. */
export class WebSocketEntrance {
  readonly #server = new WebSocketServer(SERVER_OPTIONS);
  readonly #sockets = new Set<ClientSocket>();
  readonly #unknownOf = new Map<string, number>();
  readonly #probing: Timer;
  #onEmpty: (() => void) | undefined;
  #stopping = false;

  constructor(private readonly options: EntranceOptions) {
    this.#probing = options.clock.every(PROBE_INTERVAL_MS, () => {
      for (const socket of this.#sockets) socket.probe();
    });
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** For the HTTP server's `upgrade` event. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const address = this.options.clientAddress(request);
    const reason = this.#refusal(request, address);
    if (reason) {
      this.options.onRefused(reason);
      refuse(socket, reason);
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      this.#admit(webSocket, address);
    });
  }

  /** Sends all clients to other gateways; resolves when they are gone or cut off. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#probing.cancel();
    if (this.#sockets.size === 0) return;
    const gone = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    for (const socket of this.#sockets) socket.restart();
    const cutOff = this.options.clock.after(CLOSE_TIMEOUT_MS, () => {
      for (const socket of this.#sockets) socket.terminate();
    });
    await gone;
    cutOff.cancel();
  }

  #refusal(request: IncomingMessage, address: string): RefusalReason | undefined {
    if (this.#stopping) return 'stopping';
    if (request.url?.split('?', 1)[0] !== PATH) return 'path';
    if (request.httpVersion !== '1.1') return 'protocol';
    const { allowedOrigins, connectionsMax } = this.options;
    const { origin } = request.headers;
    // Only browsers send one, and they always do.
    if (allowedOrigins && origin !== undefined && !allowedOrigins.includes(origin)) return 'origin';
    if (this.#sockets.size >= connectionsMax) return 'full';
    return (this.#unknownOf.get(address) ?? 0) >= UNKNOWN_PER_ADDRESS_MAX ? 'address' : undefined;
  }

  #admit(webSocket: WebSocket, address: string): void {
    const known = this.#countUnknown(address);
    const socket = new ClientSocket(webSocket, this.options.clock, (code) => {
      known();
      this.#sockets.delete(socket);
      this.options.onClosed(code);
      if (this.#sockets.size === 0) this.#onEmpty?.();
    });
    this.#sockets.add(socket);
    socket.serve(this.options.open(socket, known));
  }

  /** Counts one more unknown connection of `address`, until the returned function is called. */
  #countUnknown(address: string): () => void {
    this.#unknownOf.set(address, (this.#unknownOf.get(address) ?? 0) + 1);
    let counted = true;
    return () => {
      if (!counted) return;
      counted = false;
      const left = (this.#unknownOf.get(address) ?? 1) - 1;
      if (left === 0) this.#unknownOf.delete(address);
      else this.#unknownOf.set(address, left);
    };
  }
}

function refuse(socket: Duplex, reason: RefusalReason): void {
  socket.on('error', () => undefined);
  socket.end(`HTTP/1.1 ${STATUS[reason]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
