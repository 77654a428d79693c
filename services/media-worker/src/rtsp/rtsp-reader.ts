import { IngestFailure } from '../domain/ingests/ingest-failure.js';

/** A request or a response: RTSP is alike both ways. */
export interface RtspMessage {
  /** Such as `RTSP/1.0 200 OK` or `PLAY rtsp://… RTSP/1.0`. */
  readonly startLine: string;
  /** Names in lower case; of headers that come twice, all values. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: Buffer;
}

/** A packet of RTP or RTCP between the messages. */
export interface InterleavedFrame {
  readonly channel: number;
  readonly payload: Buffer;
}

export interface RtspEvents {
  readonly onMessage: (message: RtspMessage) => void;
  readonly onFrame: (frame: InterleavedFrame) => void;
}

const FRAME_MARK = 0x24;
const FRAME_HEADER_BYTES = 4;
const HEAD_MAX_BYTES = 16 * 1024;
const HEADERS_MAX = 64;
const BODY_MAX_BYTES = 64 * 1024;
const END_OF_HEAD = Buffer.from('\r\n\r\n');

/** Takes apart what comes over one RTSP connection. Whatever the other side sends, it is bounded. */
export class RtspReader {
  #rest: Buffer = Buffer.alloc(0);

  constructor(private readonly events: RtspEvents) {}

  /** @throws {IngestFailure} `malformed`, after which nothing more may be read. */
  read(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let taken = this.#takeOne();
    while (taken > 0) {
      this.#rest = this.#rest.subarray(taken);
      taken = this.#takeOne();
    }
  }

  /** How many bytes were taken; 0 when what there is is not whole yet. */
  #takeOne(): number {
    if (this.#rest.length === 0) return 0;
    return this.#rest[0] === FRAME_MARK ? this.#takeFrame() : this.#takeMessage();
  }

  #takeFrame(): number {
    const rest = this.#rest;
    if (rest.length < FRAME_HEADER_BYTES) return 0;
    const end = FRAME_HEADER_BYTES + rest.readUInt16BE(2);
    if (rest.length < end) return 0;
    this.events.onFrame({ channel: rest.readUInt8(1), payload: rest.subarray(4, end) });
    return end;
  }

  #takeMessage(): number {
    const rest = this.#rest;
    // Some put empty lines between messages.
    const blank = rest.findIndex((byte) => byte !== 0x0d && byte !== 0x0a);
    if (blank !== 0) return blank === -1 ? rest.length : blank;
    const headEnd = rest.indexOf(END_OF_HEAD);
    if (headEnd === -1 || headEnd > HEAD_MAX_BYTES) {
      if (rest.length > HEAD_MAX_BYTES) throw new IngestFailure('malformed');
      return 0;
    }
    const [startLine = '', ...lines] = rest.toString('latin1', 0, headEnd).split('\r\n');
    const headers = headersOf(lines);
    const bodyStart = headEnd + END_OF_HEAD.length;
    const bodyEnd = bodyStart + lengthOf(headers);
    if (rest.length < bodyEnd) return 0;
    this.events.onMessage({ startLine, headers, body: rest.subarray(bodyStart, bodyEnd) });
    return bodyEnd;
  }
}

/** The first value of a header. */
export function headerOf(message: RtspMessage, name: string): string | undefined {
  return message.headers.get(name)?.[0];
}

function headersOf(lines: readonly string[]): Map<string, string[]> {
  if (lines.length > HEADERS_MAX) throw new IngestFailure('malformed');
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 1) throw new IngestFailure('malformed');
    const name = line.slice(0, colon).trim().toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()]);
  }
  return headers;
}

function lengthOf(headers: ReadonlyMap<string, readonly string[]>): number {
  const text = headers.get('content-length')?.[0] ?? '0';
  if (!/^\d{1,6}$/.test(text) || Number(text) > BODY_MAX_BYTES) {
    throw new IngestFailure('malformed');
  }
  return Number(text);
}
