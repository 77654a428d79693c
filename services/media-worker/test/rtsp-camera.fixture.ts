import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { RtspReader, headerOf, type RtspMessage } from '../src/rtsp/rtsp-reader.js';

const SDP = [
  'v=0',
  'o=- 0 0 IN IP4 127.0.0.1',
  's=-',
  't=0 0',
  'm=video 0 RTP/AVP 96',
  'a=rtpmap:96 H264/90000',
  'a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0LAHtoCgL/lwFqDAwNSgAAAAwCAAAAZR4sXUA==,aM48gA==',
  'a=control:0',
  'm=audio 0 RTP/AVP 8',
  'a=control:1',
  '',
].join('\r\n');

const PAYLOAD_TYPES = [96, 8] as const;

/** An RTSP server that sends exactly what a test says, when it says it. */
export class ScriptedCamera {
  #playing: Socket | undefined;
  #sequence = 0;

  private constructor(
    private readonly server: Server,
    private readonly onPlay: (camera: ScriptedCamera) => void,
  ) {
    server.on('connection', (socket) => {
      const reader = new RtspReader({
        onMessage: (message) => this.#answer(socket, message),
        onFrame: () => undefined,
      });
      socket.on('data', (chunk: Buffer) => reader.read(chunk));
      socket.on('error', () => socket.destroy());
    });
  }

  static async start(onPlay: (camera: ScriptedCamera) => void): Promise<ScriptedCamera> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new ScriptedCamera(server, onPlay);
  }

  get url(): string {
    return `rtsp://127.0.0.1:${String((this.server.address() as AddressInfo).port)}/stream`;
  }

  /** One packet of a track: 0 is the video, 1 the audio. */
  send(track: 0 | 1, timestamp: number, payload: Buffer): void {
    this.#sequence += 1;
    const header = Buffer.alloc(16);
    header[0] = 0x24;
    header[1] = 2 * track;
    header.writeUInt16BE(12 + payload.length, 2);
    header[4] = 0x80;
    header[5] = 0x80 | PAYLOAD_TYPES[track];
    header.writeUInt16BE(this.#sequence & 0xffff, 6);
    header.writeUInt32BE(timestamp, 8);
    header.writeUInt32BE(1 + track, 12);
    this.#playing?.write(Buffer.concat([header, payload]));
  }

  /** A sender report of a track: that it was `atS` when it sent what has that timestamp. */
  report(track: 0 | 1, timestamp: number, atS: number): void {
    const frame = Buffer.alloc(32);
    frame.set([0x24, 2 * track + 1, 0, 28, 0x80, 200, 0, 6]);
    frame.writeUInt32BE(1 + track, 8);
    frame.writeUInt32BE(atS, 12);
    frame.writeUInt32BE(timestamp, 20);
    this.#playing?.write(frame);
  }

  stop(): void {
    this.#playing?.destroy();
    this.server.close();
  }

  #answer(socket: Socket, message: RtspMessage): void {
    const [method = '', uri = ''] = message.startLine.split(' ');
    const track = Number(uri.at(-1));
    const channels = `${String(2 * track)}-${String(2 * track + 1)}`;
    const lines = [
      'RTSP/1.0 200 OK',
      `CSeq: ${headerOf(message, 'cseq') ?? ''}`,
      'Session: 1',
      ...(method === 'SETUP' ? [`Transport: RTP/AVP/TCP;unicast;interleaved=${channels}`] : []),
      ...(method === 'DESCRIBE' ? [`Content-Length: ${String(SDP.length)}`] : []),
    ];
    socket.write(`${lines.join('\r\n')}\r\n\r\n${method === 'DESCRIBE' ? SDP : ''}`);
    if (method !== 'PLAY') return;
    this.#playing = socket;
    this.onPlay(this);
  }
}
