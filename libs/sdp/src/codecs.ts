import type { MediaKind, RtcpFeedback } from './dictionaries.js';
import { SdpError } from './errors.js';
import { parseFormatParameters, type FormatParameters } from './format-parameters.js';
import type { MediaSection } from './session-description.js';

/** A codec as an m-line has it: media, retransmission or something that we decline. */
export interface Codec {
  /** For example `video/VP8`; case does not count. */
  readonly mimeType: string;
  readonly payloadType: number;
  readonly clockRate: number;
  /** Of audio only. */
  readonly channels?: number;
  readonly parameters: FormatParameters;
  readonly rtcpFeedback: readonly RtcpFeedback[];
}

/** A media codec and the RTX codec that repairs it. */
export interface CodecPair {
  readonly media: Codec;
  readonly rtx: Codec | undefined;
}

const RTPMAP = /^(\d{1,3}) ([A-Za-z0-9._-]{1,64})\/(\d{1,7})(?:\/(\d{1,2}))?$/;
const FEEDBACK = /^(\d{1,3}|\*) ([A-Za-z0-9-]{1,32})(?: ([A-Za-z0-9-]{1,32}))?$/;
/** Payload types that need no rtpmap (RFC 3551), of those that mediasoup knows. */
const STATIC_RTPMAPS: readonly string[] = ['0 PCMU/8000', '8 PCMA/8000', '9 G722/8000'];

/**
 * The codecs of an audio or video m-line, in the order of preference. Payload types that nobody
 * can use with rtcp-mux (64 to 95, RFC 5761 §4) are left out.
 *
 * @throws {SdpError} MALFORMED for payload types out of range or doubled.
 */
export function readCodecs(section: MediaSection, kind: MediaKind): Codec[] {
  const payloadTypes = readPayloadTypes(section);
  const rtpmaps = readRtpmaps(section);
  const parameters = readParameters(section);
  const feedback = readFeedback(section);
  return payloadTypes.flatMap((payloadType) => {
    const rtpmap = rtpmaps.get(payloadType);
    if (!rtpmap || (payloadType >= 64 && payloadType <= 95)) return [];
    const codec: Codec = {
      mimeType: `${kind}/${rtpmap.name}`,
      payloadType,
      clockRate: rtpmap.clockRate,
      ...(kind === 'audio' && { channels: rtpmap.channels }),
      parameters: parameters.get(payloadType) ?? {},
      rtcpFeedback: isRtx(rtpmap.name)
        ? []
        : [...(feedback.get(String(payloadType)) ?? []), ...(feedback.get('*') ?? [])],
    };
    return [codec];
  });
}

/** Media codecs with the RTX codec that names each by `apt`. */
export function pairCodecs(codecs: readonly Codec[]): CodecPair[] {
  const rtxByApt = new Map<unknown, Codec>();
  for (const codec of codecs) {
    const { apt } = codec.parameters;
    if (isRtx(codec.mimeType) && apt !== undefined && !rtxByApt.has(apt)) rtxByApt.set(apt, codec);
  }
  return codecs
    .filter((codec) => !isRtx(codec.mimeType))
    .map((media) => ({ media, rtx: rtxByApt.get(media.payloadType) }));
}

/** Whether a MIME type, or the name of an encoding, is that of retransmission (RFC 4588). */
export function isRtx(name: string): boolean {
  return /^(?:[^/]+\/)?rtx$/i.test(name);
}

function readPayloadTypes(section: MediaSection): number[] {
  const payloadTypes = section.formats.map((format) =>
    /^\d{1,3}$/.test(format) ? Number(format) : Number.NaN,
  );
  if (payloadTypes.some((payloadType) => !(payloadType <= 127))) {
    throw new SdpError('MALFORMED', 'a payload type is out of range', section.index);
  }
  if (new Set(payloadTypes).size !== payloadTypes.length) {
    throw new SdpError('MALFORMED', 'a payload type is there twice', section.index);
  }
  return payloadTypes;
}

interface Rtpmap {
  readonly name: string;
  readonly clockRate: number;
  readonly channels: number;
}

function readRtpmaps(section: MediaSection): Map<number, Rtpmap> {
  const rtpmaps = new Map<number, Rtpmap>();
  for (const line of [...section.attributes.all('rtpmap'), ...STATIC_RTPMAPS]) {
    const [, payloadType, name, clockRate, channels] = RTPMAP.exec(line) ?? [];
    if (payloadType === undefined || name === undefined || rtpmaps.has(Number(payloadType)))
      continue;
    rtpmaps.set(Number(payloadType), {
      name,
      clockRate: Number(clockRate),
      channels: Number(channels ?? 1),
    });
  }
  return rtpmaps;
}

function readParameters(section: MediaSection): Map<number, FormatParameters> {
  const parameters = new Map<number, FormatParameters>();
  for (const line of section.attributes.all('fmtp')) {
    const space = line.indexOf(' ');
    const payloadType = Number(line.slice(0, Math.max(space, 0)));
    if (space <= 0 || parameters.has(payloadType)) continue;
    parameters.set(payloadType, parseFormatParameters(line.slice(space + 1)));
  }
  return parameters;
}

function readFeedback(section: MediaSection): Map<string, RtcpFeedback[]> {
  const feedback = new Map<string, RtcpFeedback[]>();
  for (const line of section.attributes.all('rtcp-fb')) {
    const [, payloadType, type, parameter] = FEEDBACK.exec(line) ?? [];
    if (payloadType === undefined || type === undefined) continue;
    const entry: RtcpFeedback = { type, ...(parameter !== undefined && { parameter }) };
    const entries = feedback.get(payloadType);
    if (entries) entries.push(entry);
    else feedback.set(payloadType, [entry]);
  }
  return feedback;
}
