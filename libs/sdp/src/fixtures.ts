import type { RouterRtpCodecCapability, RtpParameters } from './dictionaries.js';
import type { LocalTransport, OutgoingTrack } from './negotiation-types.js';

/** What unit tests build on: nothing of this is exported from the package. */
export const MEDIA_CODECS: RouterRtpCodecCapability[] = [
  { kind: 'audio', mimeType: 'audio/opus', clockRate: 48_000, channels: 2 },
  { kind: 'video', mimeType: 'video/VP8', clockRate: 90_000 },
  { kind: 'video', mimeType: 'video/VP9', clockRate: 90_000, parameters: { 'profile-id': 0 } },
  ...['42e01f', '42001f', '4d001f', '640032'].map((profile) => ({
    kind: 'video' as const,
    mimeType: 'video/H264',
    clockRate: 90_000,
    parameters: {
      'packetization-mode': 1,
      'profile-level-id': profile,
      'level-asymmetry-allowed': 1,
    },
  })),
  { kind: 'video', mimeType: 'video/AV1', clockRate: 90_000 },
];

/** A transport as mediasoup would describe it. */
export function aTransport(given: Partial<LocalTransport> = {}): LocalTransport {
  return {
    iceParameters: {
      usernameFragment: 'serverufragserverufragserverufra',
      password: 'serverpwdserverpwdserverpwdserve',
      iceLite: true,
    },
    iceCandidates: (['udp', 'tcp'] as const).map((protocol) => ({
      foundation: `${protocol}candidate`,
      priority: 1_076_302_079,
      ip: '203.0.113.5',
      address: '203.0.113.5',
      protocol,
      port: 40_000,
      type: 'host',
      ...(protocol === 'tcp' && { tcpType: 'passive' as const }),
    })),
    dtlsParameters: {
      role: 'auto',
      fingerprints: [
        { algorithm: 'sha-1', value: hex('11', 20) },
        { algorithm: 'sha-256', value: hex('22', 32) },
      ],
    },
    ...given,
  };
}

/** The SCTP parameters of a transport with data channels. */
export const SCTP_PARAMETERS = {
  port: 5000,
  maxSendMessageSize: 262_144,
  maxReceiveMessageSize: 262_144,
  sendBufferSize: 2_000_000,
  perStreamSendQueueLimit: 2_000_000,
  maxReceiverWindowBufferSize: 5_242_880,
  isDataChannel: true,
  OS: 65_535,
  MIS: 65_535,
  maxMessageSize: 262_144,
};

/** A fingerprint or part of one: `byte` over and over. */
export function hex(byte: string, bytes: number): string {
  return Array.from({ length: bytes }, () => byte).join(':');
}

/** A track as a consumer of a router with MEDIA_CODECS would send it. */
export function anOutgoingTrack(
  kind: 'audio' | 'video',
  mid: string,
  given: Partial<RtpParameters> = {},
): OutgoingTrack {
  const ssrc = 10_000_000 + Array.from(mid).reduce((sum, char) => sum * 64 + char.charCodeAt(0), 0);
  return {
    kind,
    streamId: 'room-alice-camera',
    trackId: kind,
    rtpParameters: {
      mid,
      codecs:
        kind === 'audio'
          ? [
              {
                mimeType: 'audio/opus',
                payloadType: 100,
                clockRate: 48_000,
                channels: 2,
                parameters: { useinbandfec: 1 },
                rtcpFeedback: [],
              },
            ]
          : [
              {
                mimeType: 'video/VP8',
                payloadType: 101,
                clockRate: 90_000,
                parameters: {},
                rtcpFeedback: [{ type: 'nack' }, { type: 'nack', parameter: 'pli' }],
              },
              {
                mimeType: 'video/rtx',
                payloadType: 102,
                clockRate: 90_000,
                parameters: { apt: 101 },
                rtcpFeedback: [],
              },
            ],
      headerExtensions: [
        { uri: 'urn:ietf:params:rtp-hdrext:sdes:mid', id: 1 },
        { uri: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time', id: 4 },
      ],
      encodings: [{ ssrc, ...(kind === 'video' && { rtx: { ssrc: ssrc + 1 } }) }],
      rtcp: { cname: 'cname', reducedSize: true },
      ...given,
    },
  };
}

/** What a model of a client puts into one m-line of its offers and answers. */
export interface ModelSection {
  readonly mid: string;
  readonly kind: 'audio' | 'video' | 'application';
  readonly direction?: 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';
  readonly stopped?: boolean;
  /** Lines beside what every m-line has. */
  readonly lines?: readonly string[];
}

/** An SDP of a model client; `head` replaces transport lines that all m-lines have. */
export function aDescription(
  sections: readonly ModelSection[],
  head: readonly string[] = clientTransport(),
): string {
  const alive = sections.filter((section) => section.stopped !== true);
  const lines = [
    'v=0',
    'o=- 4611686018427387904 2 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    `a=group:BUNDLE ${alive.map((section) => section.mid).join(' ')}`,
    ...sections.flatMap((section) => sectionLines(section, head)),
  ];
  return `${lines.join('\r\n')}\r\n`;
}

/** ICE and DTLS of a model client. */
export function clientTransport(ufrag = 'clientufrag', setup = 'actpass'): string[] {
  return [
    `a=ice-ufrag:${ufrag}`,
    'a=ice-pwd:clientpwdclientpwdclientpwd',
    `a=fingerprint:sha-256 ${hex('AB', 32)}`,
    `a=setup:${setup}`,
  ];
}

const FORMATS = { audio: '111', video: '96 97', application: 'webrtc-datachannel' };
const CODEC_LINES = {
  audio: ['a=rtcp-mux', 'a=rtpmap:111 opus/48000/2', 'a=fmtp:111 minptime=10;useinbandfec=1'],
  video: ['a=rtcp-mux', 'a=rtpmap:96 VP8/90000', 'a=rtpmap:97 rtx/90000', 'a=fmtp:97 apt=96'],
  application: ['a=sctp-port:5000', 'a=max-message-size:262144'],
};

function sectionLines(section: ModelSection, head: readonly string[]): string[] {
  const { kind, mid, direction = 'sendonly', stopped = false, lines } = section;
  const protocol = kind === 'application' ? 'UDP/DTLS/SCTP' : 'UDP/TLS/RTP/SAVPF';
  const payloadTypes = lines
    ?.filter((line) => line.startsWith('a=rtpmap:'))
    .map((line) => line.slice('a=rtpmap:'.length, line.indexOf(' ')));
  const formats = payloadTypes && payloadTypes.length > 0 ? payloadTypes.join(' ') : FORMATS[kind];
  return [
    `m=${kind} ${stopped ? 0 : 9} ${protocol} ${formats}`,
    'c=IN IP4 0.0.0.0',
    `a=mid:${mid}`,
    ...(kind === 'application' ? [] : [`a=${stopped ? 'inactive' : direction}`]),
    ...head,
    ...(payloadTypes && payloadTypes.length > 0 ? ['a=rtcp-mux'] : CODEC_LINES[kind]),
    ...(lines ?? []),
  ];
}
