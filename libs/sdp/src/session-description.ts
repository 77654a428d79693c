import { Attributes } from './attributes.js';
import { SdpError } from './errors.js';
import { sdpLimitsOf } from './limits.js';
import type { SdpLimits } from './negotiation-types.js';

/** One `m=` line with its attributes, as the client wrote them; nothing is checked but syntax. */
export interface MediaSection {
  readonly index: number;
  /** `audio`, `video`, `application`, or what else it may be. */
  readonly kind: string;
  readonly port: number;
  readonly protocol: string;
  /** Payload types, or `webrtc-datachannel`. */
  readonly formats: readonly string[];
  readonly attributes: Attributes;
}

/** A client's SDP, split up. */
export interface SessionDescription {
  readonly sessionId: string;
  readonly attributes: Attributes;
  readonly sections: readonly MediaSection[];
}

const MAX_LINE_BYTES = 16 * 1024;
const ORIGIN = /^\S{1,256} (\d{1,32}) \d{1,32} IN IP[46] \S{1,256}$/;
const MEDIA = /^([a-z]{1,32}) (\d{1,5})(?:\/\d{1,5})? ([A-Za-z0-9/]{1,64})((?: [!-~]{1,64})*)$/;
/** Attributes that are items in the sense of `SdpLimits.itemsPerMLine`. */
const ITEMS = ['rtpmap', 'extmap', 'rid', 'candidate', 'fingerprint', 'ssrc-group'];
/** Lines about one SSRC: cname, msid, and the older mslabel and label. */
const LINES_PER_SSRC = 4;

/**
 * Splits an SDP into its lines, in one pass that ends at the first broken limit. It is written by
 * hand because sdp-transform, which writes what we send, reads more leniently than is good for
 * text from strangers: it turns numbers-like words into numbers, keeps the last of several
 * fingerprints, and tries some fifty expressions on every line.
 *
 * @throws {SdpError} MALFORMED, TOO_LARGE.
 */
export function parseSessionDescription(sdp: string, limits: SdpLimits): SessionDescription {
  if (typeof sdp !== 'string') throw new SdpError('MALFORMED', 'the SDP is not text');
  checkSize(sdp, limits);
  const attributes = new Attributes();
  const sections: MediaSection[] = [];
  let current = attributes;
  let sessionId: string | undefined;
  let lineIndex = 0;
  for (const line of linesOf(sdp)) {
    if (lineIndex === 0 && line !== 'v=0')
      throw new SdpError('MALFORMED', 'the SDP must start with v=0');
    lineIndex += 1;
    const value = line.slice(2);
    if (line.startsWith('m=')) {
      const section = parseMedia(value, sections.length, limits);
      sections.push(section);
      current = section.attributes;
    } else if (line.startsWith('a=')) current.add(value);
    else if (line.startsWith('o=')) sessionId ??= parseOrigin(value);
  }
  if (sessionId === undefined) throw new SdpError('MALFORMED', 'the SDP has no o= line');
  for (const section of sections) checkItems(section, limits);
  return { sessionId, attributes, sections };
}

/**
 * The session id of an SDP's `o=` line: another one means another PeerConnection of the client.
 *
 * @throws {SdpError} MALFORMED, TOO_LARGE.
 */
export function sessionIdOf(sdp: string, limits?: Partial<SdpLimits>): string {
  if (typeof sdp !== 'string') throw new SdpError('MALFORMED', 'the SDP is not text');
  if (sdp.length > sdpLimitsOf(limits).sdpBytes)
    throw new SdpError('TOO_LARGE', 'the SDP is too large');
  for (const line of linesOf(sdp)) {
    if (line.startsWith('o=')) return parseOrigin(line.slice(2));
    if (line.startsWith('m=')) break;
  }
  throw new SdpError('MALFORMED', 'the SDP has no o= line');
}

function checkSize(sdp: string, limits: SdpLimits): void {
  const tooLarge =
    sdp.length > limits.sdpBytes || new TextEncoder().encode(sdp).length > limits.sdpBytes;
  if (tooLarge) throw new SdpError('TOO_LARGE', `the SDP is larger than ${limits.sdpBytes} bytes`);
  let mLines = sdp.startsWith('m=') ? 1 : 0;
  for (let at = sdp.indexOf('\nm='); at >= 0; at = sdp.indexOf('\nm=', at + 1)) mLines += 1;
  if (mLines > limits.mLines) {
    throw new SdpError('TOO_LARGE', `the SDP has more than ${limits.mLines} m-lines`);
  }
}

/** Lines that end in CRLF or LF; empty ones are passed over. */
export function* linesOf(sdp: string): Generator<string> {
  let start = 0;
  while (start < sdp.length) {
    const newline = sdp.indexOf('\n', start);
    const next = newline < 0 ? sdp.length : newline;
    const end = next > start && sdp.charCodeAt(next - 1) === 0x0d ? next - 1 : next;
    if (end - start > MAX_LINE_BYTES)
      throw new SdpError('TOO_LARGE', 'a line of the SDP is too long');
    const line = sdp.slice(start, end);
    if (line !== '') yield checkedLine(line);
    start = next + 1;
  }
}

function checkedLine(line: string): string {
  const type = line.charCodeAt(0);
  if (type < 0x61 || type > 0x7a || line[1] !== '=') {
    throw new SdpError('MALFORMED', 'a line of the SDP is not of the form x=value');
  }
  for (let at = 2; at < line.length; at += 1) {
    const code = line.charCodeAt(at);
    if (code < 0x20 || code === 0x7f) {
      throw new SdpError('MALFORMED', 'the SDP has a control character');
    }
  }
  return line;
}

function parseOrigin(value: string): string {
  const sessionId = ORIGIN.exec(value)?.[1];
  if (sessionId === undefined) throw new SdpError('MALFORMED', 'the o= line is malformed');
  return sessionId;
}

function parseMedia(value: string, index: number, limits: SdpLimits): MediaSection {
  const [, kind, port, protocol, formats] = MEDIA.exec(value) ?? [];
  if (kind === undefined || protocol === undefined || Number(port) > 65_535) {
    throw new SdpError('MALFORMED', 'malformed m-line', index);
  }
  const list = formats ? formats.slice(1).split(' ') : [];
  if (list.length > limits.itemsPerMLine) {
    throw new SdpError('TOO_LARGE', 'too many payload types on an m-line', index);
  }
  return {
    index,
    kind,
    port: Number(port),
    protocol,
    formats: list,
    attributes: new Attributes(),
  };
}

function checkItems(section: MediaSection, limits: SdpLimits): void {
  const { attributes, index } = section;
  const crowded = ITEMS.find((name) => attributes.all(name).length > limits.itemsPerMLine);
  const ssrcLines = attributes.all('ssrc').length;
  if (crowded !== undefined || ssrcLines > limits.itemsPerMLine * LINES_PER_SSRC) {
    throw new SdpError('TOO_LARGE', `too many a=${crowded ?? 'ssrc'} lines on an m-line`, index);
  }
}
