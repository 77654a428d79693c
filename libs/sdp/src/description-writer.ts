import { write, type MediaDescription, type SessionDescription } from 'sdp-transform';
import { writeCandidates } from './candidates.js';
import type { Codec } from './codecs.js';
import type {
  DtlsFingerprint,
  IceCandidate,
  IceParameters,
  SctpParameters,
} from './dictionaries.js';
import { writeFormatParameters } from './format-parameters.js';
import { OLD_SCTP_PROTOCOL, directionOf, numbersOf, type MLine } from './m-line.js';
import type { Reception } from './reception.js';
import type { Sending } from './sending.js';

/** All that a description of ours says beside its m-lines. */
export interface DescriptionHead {
  readonly sessionId: string;
  readonly version: number;
  readonly ice: IceParameters;
  readonly candidates: readonly IceCandidate[];
  readonly fingerprint: DtlsFingerprint;
  readonly setup: 'actpass' | 'active' | 'passive';
  readonly sctp: SctpParameters | undefined;
  /** Whether both lengths of header extensions may meet in one stream (RFC 8285 §6). */
  readonly extmapAllowMixed: boolean;
  /** False only in the answer to an offer of one m-line alone. */
  readonly grouped: boolean;
}

/** The discard port: candidates tell the real ones (RFC 8840 §4.1.1). */
const PLACEHOLDER_PORT = 9;
/** The usual one; nothing listens there. */
const DECLINED_SCTP_PORT = 5000;

/** An SDP of ours. The first live m-line speaks for the transport and has the candidates. */
export function writeDescription(head: DescriptionHead, lines: readonly MLine[]): string {
  const bundled = lines.filter((line) => line.alive);
  const description: SessionDescription & { media: MediaDescription[] } = {
    version: 0,
    origin: {
      username: '-',
      sessionId: head.sessionId,
      sessionVersion: head.version,
      netType: 'IN',
      ipVer: 4,
      address: '0.0.0.0',
    },
    name: '-',
    timing: { start: 0, stop: 0 },
    ...(head.ice.iceLite !== false && { icelite: 'ice-lite' as const }),
    ...(head.extmapAllowMixed && { extmapAllowMixed: 'extmap-allow-mixed' as const }),
    msidSemantic: { semantic: 'WMS', token: '*' },
    ...(head.grouped && {
      groups: [{ type: 'BUNDLE', mids: bundled.map((line) => line.mid).join(' ') }],
    }),
    media: lines.map((line) => writeLine(head, line, line === bundled[0])),
  };
  // The library leaves a blank behind an empty group.
  return write(description).replace('a=group:BUNDLE \r\n', 'a=group:BUNDLE\r\n');
}

function writeLine(head: DescriptionHead, line: MLine, tagged: boolean): MediaDescription {
  const shared = {
    type: line.kind,
    protocol: line.protocol,
    connection: { version: 4, ip: '0.0.0.0' },
    mid: line.mid,
    rtp: [],
    fmtp: [],
  };
  if (!line.alive) {
    // Browsers pass over what stands on a dead m-line, but GStreamer and aiortc refuse the whole
    // description if one says nothing of the transport, and werift if one of data has no SCTP port.
    return {
      ...shared,
      ...writeTransport(head, false),
      ...(line.kind === 'application' && { sctpPort: DECLINED_SCTP_PORT }),
      port: 0,
      payloads: line.formats.join(' '),
      direction: 'inactive',
    };
  }
  const transport = { ...shared, port: PLACEHOLDER_PORT, ...writeTransport(head, tagged) };
  return line.kind === 'application'
    ? { ...transport, ...writeSctp(line, head.sctp) }
    : { ...transport, ...writeMedia(line) };
}

function writeTransport(head: DescriptionHead, tagged: boolean): Partial<MediaDescription> {
  return {
    iceUfrag: head.ice.usernameFragment,
    icePwd: head.ice.password,
    iceOptions: 'trickle renomination',
    fingerprint: { type: head.fingerprint.algorithm, hash: head.fingerprint.value },
    setup: head.setup,
    ...(tagged && {
      candidates: writeCandidates(head.candidates),
      endOfCandidates: 'end-of-candidates',
    }),
  };
}

function writeSctp(line: MLine, sctp: SctpParameters | undefined): SctpDescription {
  const application = 'webrtc-datachannel';
  if (!sctp) return { payloads: application };
  const { port, maxReceiveMessageSize: maxMessageSize, MIS: streams } = sctp;
  if (line.protocol !== OLD_SCTP_PROTOCOL) {
    return { payloads: application, sctpPort: port, maxMessageSize };
  }
  const sctpmap = { sctpmapNumber: port, app: application, maxMessageSize: streams };
  return { payloads: String(port), sctpmap, maxMessageSize };
}

type SctpDescription = Partial<MediaDescription> & {
  readonly payloads: string;
  readonly sctpmap?: {
    readonly sctpmapNumber: number;
    readonly app: string;
    readonly maxMessageSize: number;
  };
};

function writeMedia(
  line: MLine,
): Partial<MediaDescription> & Pick<MediaDescription, 'rtp' | 'fmtp'> {
  const { codecs, extensions } = numbersOf(line);
  const received = line.reception ?? line.silentReception;
  return {
    payloads: codecs.map((codec) => codec.payloadType).join(' '),
    direction: directionOf(line),
    rtcpMux: 'rtcp-mux',
    ...(line.reducedSizeRtcp && { rtcpRsize: 'rtcp-rsize' }),
    rtp: codecs.map(writeRtpmap),
    fmtp: codecs.flatMap(writeFmtp),
    rtcpFb: codecs.flatMap(writeFeedback),
    ext: extensions.map(({ uri, id }) => ({ value: id, uri })),
    ...(received && writeLayers(received)),
    ...(line.sending && writeSource(line.sending)),
  };
}

function writeRtpmap({
  payloadType,
  mimeType,
  clockRate,
  channels,
}: Codec): MediaDescription['rtp'][number] {
  const codec = mimeType.slice(mimeType.indexOf('/') + 1);
  const encoding = channels !== undefined && channels > 1 ? { encoding: channels } : {};
  return { payload: payloadType, codec, rate: clockRate, ...encoding };
}

function writeFmtp({ payloadType, parameters }: Codec): MediaDescription['fmtp'] {
  const config = writeFormatParameters(parameters);
  return config === '' ? [] : [{ payload: payloadType, config }];
}

function writeFeedback({
  payloadType,
  rtcpFeedback,
}: Codec): NonNullable<MediaDescription['rtcpFb']> {
  return rtcpFeedback.map(({ type, parameter }) => ({
    payload: payloadType,
    type,
    ...(parameter !== undefined && parameter !== '' && { subtype: parameter }),
  }));
}

function writeLayers({ layers }: Reception): Partial<MediaDescription> {
  if (layers.length === 0) return {};
  const list = layers.map(({ rid, paused }) => (paused ? `~${rid}` : rid)).join(';');
  return {
    rids: layers.map(({ rid }) => ({ id: rid, direction: 'recv' })),
    simulcast: { dir1: 'recv', list1: list },
  };
}

function writeSource({ track, codecs }: Sending): Partial<MediaDescription> {
  const { encodings = [], rtcp } = track.rtpParameters;
  const msid = { id: token(track.streamId), appdata: token(track.trackId) };
  const [encoding] = encodings;
  if (encoding?.ssrc === undefined || track.untold === true) return { msid: [msid] };
  const rtxSsrc = codecs.length > 1 ? encoding.rtx?.ssrc : undefined;
  const ssrcs = rtxSsrc === undefined ? [encoding.ssrc] : [encoding.ssrc, rtxSsrc];
  return {
    msid: [msid],
    ssrcs: ssrcs.flatMap((id) => [
      { id, attribute: 'cname', value: rtcp?.cname ?? 'sluice' },
      { id, attribute: 'msid', value: `${msid.id} ${msid.appdata}` },
    ]),
    ...(ssrcs.length > 1 && { ssrcGroups: [{ semantics: 'FID', ssrcs: ssrcs.join(' ') }] }),
  };
}

/** Names of streams are people's; in SDP they must be tokens (RFC 8866 §9). */
function token(name: string): string {
  const encoded = encodeURIComponent(name.toWellFormed());
  return encoded === '' ? '-' : encoded.replaceAll('(', '%28').replaceAll(')', '%29');
}
