import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type ServerOptions, type WebSocket } from 'ws';
import type { Clock, Timer } from '@sluice/core';
import { FRAME_MAX_BYTES } from '@sluice/protocol';
import { pathOf } from '../http/credentials.js';
import { ClientSocket, type SocketListener } from './client-socket.js';

/**
 * Makes the listener of one WebSocket. `onAuthenticated` is to be called once, when the client has
 * shown who it is.
 */
export type Door = (
  socket: ClientSocket,
  request: IncomingMessage,
  onAuthenticated: () => void,
) => SocketListener;

export interface EntranceOptions {
  /** Undefined lets any Origin in. */
  readonly allowedOrigins: readonly string[] | undefined;
  readonly connectionsMax: number;
  readonly clientAddress: (request: IncomingMessage) => string;
  readonly clock: Clock;
  readonly onRefused: (reason: RefusalReason) => void;
  readonly onClosed: (code: number) => void;
  /** By path. */
  readonly doors: ReadonlyMap<string, Door>;
}

export const REFUSAL_REASONS = [
  'path',
  'protocol',
  'origin',
  'address',
  'full',
  'stopping',
] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

const STATUS: Record<RefusalReason, string> = {
  path: '404 Not Found',
  protocol: '400 Bad Request',
  origin: '403 Forbidden',
  address: '429 Too Many Requests',
  full: '503 Service Unavailable',
  stopping: '503 Service Unavailable',
};

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

/** Lets WebSockets in at the paths of dialects, within bounds, and all go when the gateway stops. */
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

  /**
   * For an HTTP server's `upgrade` event.
   *
   * @param door where all of that server's WebSockets go; undefined goes by their path.
   */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, door?: Door): void {
    const entered = door ?? this.options.doors.get(pathOf(request));
    const address = this.options.clientAddress(request);
    const reason = this.#refusal(request, address, entered);
    if (reason || !entered) {
      this.options.onRefused(reason ?? 'path');
      refuse(socket, reason ?? 'path');
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      this.#admit(webSocket, request, address, entered);
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

  #refusal(
    request: IncomingMessage,
    address: string,
    door: Door | undefined,
  ): RefusalReason | undefined {
    if (this.#stopping) return 'stopping';
    if (!door) return 'path';
    if (request.httpVersion !== '1.1') return 'protocol';
    const { allowedOrigins, connectionsMax } = this.options;
    const { origin } = request.headers;
    // Only browsers send one, and they always do.
    if (allowedOrigins && origin !== undefined && !allowedOrigins.includes(origin)) return 'origin';
    if (this.#sockets.size >= connectionsMax) return 'full';
    return (this.#unknownOf.get(address) ?? 0) >= UNKNOWN_PER_ADDRESS_MAX ? 'address' : undefined;
  }

  #admit(webSocket: WebSocket, request: IncomingMessage, address: string, door: Door): void {
    const known = this.#countUnknown(address);
    const socket = new ClientSocket(webSocket, this.options.clock, (code) => {
      known();
      this.#sockets.delete(socket);
      this.options.onClosed(code);
      if (this.#sockets.size === 0) this.#onEmpty?.();
    });
    this.#sockets.add(socket);
    socket.serve(door(socket, request, known));
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
