import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

export type RtpCodec = 'OPUS' | 'VP8' | 'VP9' | 'H264';

const LOOPBACK = '127.0.0.1';
/** Debian's Python; the program stays where its source is. */
const COMMAND = '/usr/bin/python3';
const PROGRAM = fileURLToPath(new URL('../../../interop/programs/rtp_media.py', import.meta.url));

/** Encodes a test picture or tone for as long as this process lives. */
export async function encode(codec: RtpCodec, onRtp: (packet: Buffer) => void): Promise<void> {
  const socket = createSocket('udp4');
  socket.bind(0, LOOPBACK);
  await once(socket, 'listening');
  socket.on('message', onRtp);
  start('source', codec, socket.address().port);
}

/** Decodes what it is given, and keeps count. */
export class Decoder {
  readonly #socket = createSocket('udp4');
  readonly #port: Promise<number>;
  frames = 0;

  constructor(
    readonly codec: RtpCodec,
    payloadType: number,
  ) {
    const lines = createInterface(start('sink', codec, payloadType).stdout);
    this.#port = new Promise((resolve) => {
      lines.once('line', (port) => {
        lines.on('line', (count) => (this.frames = Number(count)));
        resolve(Number(port));
      });
    });
  }

  async decode(packet: Buffer): Promise<void> {
    this.#socket.send(packet, await this.#port, LOOPBACK);
  }
}

function start(
  role: 'source' | 'sink',
  codec: RtpCodec,
  number: number,
): ChildProcessByStdio<Writable, Readable, null> {
  return spawn(COMMAND, [PROGRAM, role, codec, String(number)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}
