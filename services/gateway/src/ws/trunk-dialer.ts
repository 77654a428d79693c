import { createHash } from 'node:crypto';
import { WebSocket } from 'ws';
import { SluiceError } from '@sluice/core';
import { CLOSE_CODES, FRAME_MAX_BYTES } from '@sluice/protocol';
import { grantsOf, type Identity } from '@sluice/tokens';
import { JoinSpans } from '@sluice/tracing';
import { UmbrellaLink, type UmbrellaPorts } from '../domain/umbrella/link.js';
import type { UmbrellaLinks } from '../domain/umbrella/links.js';
import { withoutSecrets } from '../domain/umbrella/server-list.js';
import type { Trunk } from '../domain/umbrella/trunks.js';
import { decodeUmbrella, encodeUmbrella } from '../proto/umbrella.js';

const HANDSHAKE_TIMEOUT_MS = 5_000;
const PING_INTERVAL_MS = 20_000;
const REFUSALS: readonly number[] = [CLOSE_CODES.unauthenticated, CLOSE_CODES.forbidden];
const UNSENT_MAX_BYTES = 1024 * 1024;

/** What the requests of one link belong to, says who opens it. */
type DialerPorts = Omit<UmbrellaPorts, 'inRequest'>;

/** Dials another server’s `/wsb`. */
export function trunkDialer(ports: DialerPorts, links: UmbrellaLinks, room: string) {
  return (server: string): Trunk => {
    const socket = new WebSocket(server, {
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      maxPayload: FRAME_MAX_BYTES,
      perMessageDeflate: false,
      followRedirects: false,
    });
    let link: UmbrellaLink | undefined;
    let closed = false;
    let refused = false;
    const onClosed: (() => void)[] = [];
    let answered = true;
    const pinging = ports.clock.every(PING_INTERVAL_MS, () => {
      if (!answered) socket.terminate();
      else if (socket.readyState === socket.OPEN) {
        answered = false;
        socket.ping();
      }
    });
    socket.on('pong', () => {
      answered = true;
    });
    socket.on('open', () => {
      link = openLink(socket, server, ports, room);
      links.add(link);
    });
    socket.on('message', (data, isBinary) => {
      if (isBinary) receive(link, data as Buffer);
    });
    socket.on('error', () => {
      // Also of servers that are not there: 'close' follows, and it is dialled again.
    });
    socket.on('close', (code) => {
      closed = true;
      refused = REFUSALS.includes(code);
      pinging.cancel();
      if (link) links.remove(link);
      link?.end();
      for (const listener of onClosed) listener();
    });
    return {
      get closed() {
        return closed;
      },
      get refused() {
        return refused;
      },
      close: () => socket.terminate(),
      onClosed: (listener) => void onClosed.push(listener),
    };
  };
}

function openLink(
  socket: WebSocket,
  server: string,
  ports: DialerPorts,
  room: string,
): UmbrellaLink {
  const outlet = {
    send: (message: Parameters<typeof encodeUmbrella>[0]) => {
      if (socket.readyState !== socket.OPEN) return;
      if (socket.bufferedAmount > UNSENT_MAX_BYTES) socket.terminate();
      else socket.send(encodeUmbrella(message));
    },
    close: (code: number, reason: string) => socket.close(code, reason),
  };
  const label = withoutSecrets(server);
  const identify = () => Promise.resolve(identityOf(server));
  const peer = { identify, roomName: room, label, trunkUrl: label };
  const { inRequest } = new JoinSpans(ports.clock);
  return new UmbrellaLink(outlet, peer, { ...ports, inRequest }, () => undefined);
}

/** The same for all gateways, and while it is dialled again and again. */
function identityOf(server: string): Identity {
  const { host } = new URL(server);
  const subject = `trunk-${createHash('sha256').update(server).digest('base64url').slice(0, 10)}`;
  const grants = grantsOf(['publish', 'subscribe']);
  return { subject, name: host, room: '*', grants, expiresAtS: Number.MAX_SAFE_INTEGER };
}

function receive(link: UmbrellaLink | undefined, frame: Buffer): void {
  try {
    link?.receive(decodeUmbrella(frame), frame.length);
  } catch (error) {
    link?.receiveUnreadable(SluiceError.from(error).message);
  }
}
