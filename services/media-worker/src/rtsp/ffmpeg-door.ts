import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Resource, type ResourceEvents } from '@sluice/core';
import type { CameraTrack } from '../domain/ingests/camera-description.js';
import { RtspReader, headerOf, type InterleavedFrame, type RtspMessage } from './rtsp-reader.js';

export interface FfmpegDoorEvents extends ResourceEvents {
  /** ffmpeg is ready for media. */
  play: [];
  /** What ffmpeg says back: receiver reports. */
  frame: [frame: InterleavedFrame];
  /** It takes packets again. */
  drain: [];
}

const LOOPBACK = '127.0.0.1';
/**
 * ffmpeg writes no header before it knows how large pictures are, though RTP says it nowhere: without
 * this it ends where sound comes a second before the first picture, as from a camera that is busy.
 */
const SOME_SIZE = '16-16';

/**
 * A small RTSP server on loopback, for one ffmpeg: so that it needs neither the camera's address nor
 * its credentials, cannot be led elsewhere, and ends with its input.
 */
export class FfmpegDoor extends Resource<FfmpegDoorEvents> {
  readonly url: string;
  /** Nobody else of this host is to come in. */
  readonly #path = `/${randomBytes(16).toString('hex')}`;
  #socket: Socket | undefined;

  private constructor(
    private readonly server: Server,
    private readonly tracks: readonly CameraTrack[],
  ) {
    super();
    const { port } = server.address() as AddressInfo;
    this.url = `rtsp://${LOOPBACK}:${String(port)}${this.#path}`;
    server.on('connection', (socket) => this.#onConnection(socket));
  }

  static async open(tracks: readonly CameraTrack[]): Promise<FfmpegDoor> {
    const server = createServer();
    server.listen(0, LOOPBACK);
    await once(server, 'listening');
    return new FfmpegDoor(server, tracks);
  }

  /** Whether it takes more; if not, `drain` tells when it does. */
  send({ channel, payload }: InterleavedFrame): boolean {
    const socket = this.#socket;
    if (!socket || socket.destroyed) return true;
    const header = Buffer.from([0x24, channel, 0, 0]);
    header.writeUInt16BE(payload.length, 2);
    socket.cork();
    socket.write(header);
    const more = socket.write(payload);
    socket.uncork();
    return more;
  }

  protected override release(): void {
    this.server.close();
    this.#socket?.destroy();
  }

  #onConnection(socket: Socket): void {
    const reader = new RtspReader({
      onMessage: (message) => this.#answer(socket, message),
      onFrame: (frame) => {
        if (socket === this.#socket) this.emit('frame', frame);
      },
    });
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      try {
        reader.read(chunk);
      } catch {
        // Not ffmpeg.
        socket.destroy();
      }
    });
    this.onClosed(() => socket.destroy());
  }

  #answer(socket: Socket, message: RtspMessage): void {
    const [method = '', uri = ''] = message.startLine.split(' ');
    const path = URL.canParse(uri) ? new URL(uri).pathname : '';
    const known = path === this.#path || path.startsWith(`${this.#path}/`);
    if (!known || (this.#socket && this.#socket !== socket)) {
      socket.destroy();
      return;
    }
    if (!this.#socket) this.#admit(socket);
    const sequence = headerOf(message, 'cseq') ?? '0';
    const { headers = [], body = '' } = this.#contentFor(method, path);
    const lines = ['RTSP/1.0 200 OK', `CSeq: ${sequence}`, 'Session: 1', ...headers];
    if (body !== '') lines.push(`Content-Length: ${String(body.length)}`);
    socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
    if (method === 'PLAY') this.emit('play');
  }

  #admit(socket: Socket): void {
    this.#socket = socket;
    this.server.close();
    socket.setNoDelay(true);
    socket.on('drain', () => this.emit('drain'));
    socket.on('close', () => this.close('ffmpeg went'));
  }

  #contentFor(method: string, path: string): { headers?: string[]; body?: string } {
    switch (method) {
      case 'OPTIONS':
        return { headers: ['Public: DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER'] };
      case 'DESCRIBE':
        return {
          headers: ['Content-Type: application/sdp', `Content-Base: ${this.url}/`],
          body: describe(this.tracks),
        };
      case 'SETUP': {
        const channel = 2 * Number(/\/track(\d)$/.exec(path)?.[1] ?? 0);
        const interleaved = `${String(channel)}-${String(channel + 1)}`;
        return { headers: [`Transport: RTP/AVP/TCP;unicast;interleaved=${interleaved}`] };
      }
      default:
        return {};
    }
  }
}

/** Only what was read and understood of the camera's own. */
function describe(tracks: readonly CameraTrack[]): string {
  const lines = ['v=0', `o=- 0 0 IN IP4 ${LOOPBACK}`, 's=-', `c=IN IP4 ${LOOPBACK}`, 't=0 0'];
  for (const [index, { kind, payloadType, encoding, formatParameters }] of tracks.entries()) {
    const type = String(payloadType);
    lines.push(`m=${kind} 0 RTP/AVP ${type}`, `a=rtpmap:${type} ${encoding}`);
    if (formatParameters !== undefined) lines.push(`a=fmtp:${type} ${formatParameters}`);
    if (kind === 'video') lines.push(`a=framesize:${type} ${SOME_SIZE}`);
    lines.push(`a=control:track${String(index)}`);
  }
  return `${lines.join('\r\n')}\r\n`;
}
