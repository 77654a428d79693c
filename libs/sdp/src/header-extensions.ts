import type { MediaKind, RtpCapabilities, RtpHeaderExtension } from './dictionaries.js';
import type { MediaSection, SessionDescription } from './session-description.js';

/** A header extension as an m-line numbers it. */
export interface Extension {
  readonly uri: string;
  readonly id: number;
}

/** One that a client offers, and in which directions it would use it. */
export interface OfferedExtension extends Extension {
  readonly sent: boolean;
  readonly received: boolean;
}

export const MID_URI = 'urn:ietf:params:rtp-hdrext:sdes:mid';
export const RID_URI = 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id';
export const REPAIRED_RID_URI = 'urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id';
const AUDIO_LEVEL_URI = 'urn:ietf:params:rtp-hdrext:ssrc-audio-level';
export const ABS_SEND_TIME_URI = 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time';
export const TRANSPORT_CC_URI =
  'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01';
const ABS_CAPTURE_TIME_URI = 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time';
const PLAYOUT_DELAY_URI = 'http://www.webrtc.org/experiments/rtp-hdrext/playout-delay';
export const DEPENDENCY_DESCRIPTOR_URI =
  'https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension';

/** In every packet that has it, to whomever; mediasoup has it signalled to other routers alone. */
export const SENT_DEPENDENCY_DESCRIPTOR: Extension = { id: 7, uri: DEPENDENCY_DESCRIPTOR_URI };

const EXTMAP = /^(\d{1,5})(?:\/(sendrecv|sendonly|recvonly|inactive))? ([!-~]{1,256})(?: .*)?$/;

/**
 * What mediasoup writes into packets to clients, under ids that cannot be chosen; `kinds` are those
 * to whose consumers it is also signalled.
 */
const SENT_EXTENSIONS: readonly (Extension & {
  readonly kinds: 'audio video' | 'audio' | 'video' | 'none';
})[] = [
  { id: 1, uri: MID_URI, kinds: 'audio video' },
  { id: 4, uri: ABS_SEND_TIME_URI, kinds: 'audio video' },
  { id: 5, uri: TRANSPORT_CC_URI, kinds: 'video' },
  { id: 6, uri: AUDIO_LEVEL_URI, kinds: 'audio' },
  { ...SENT_DEPENDENCY_DESCRIPTOR, kinds: 'none' },
  { id: 8, uri: 'urn:3gpp:video-orientation', kinds: 'video' },
  { id: 9, uri: 'urn:ietf:params:rtp-hdrext:toffset', kinds: 'video' },
  { id: 10, uri: ABS_CAPTURE_TIME_URI, kinds: 'audio video' },
  { id: 11, uri: PLAYOUT_DELAY_URI, kinds: 'audio video' },
  { id: 12, uri: 'urn:mediasoup:params:rtp-hdrext:packet-id', kinds: 'none' },
];

/**
 * What may be read out of the packets that mediasoup sends, though it means something else there,
 * without harm: a level is only shown, and rids only tell layers apart that we do not send.
 */
const HARMLESS_WHEN_MISREAD = new Set([AUDIO_LEVEL_URI, RID_URI, REPAIRED_RID_URI]);

/**
 * The header extensions of an m-line. Ids that no packet can carry (0, 15, over 255) and encrypted
 * ones are left out, as is a second meaning of an id or a second id of a meaning.
 */
export function readExtensions(
  section: MediaSection,
  description: SessionDescription,
): OfferedExtension[] {
  const mixed =
    section.attributes.has('extmap-allow-mixed') ||
    description.attributes.has('extmap-allow-mixed');
  const byId = new Map<number, OfferedExtension>();
  const uris = new Set<string>();
  const lines = [...section.attributes.all('extmap'), ...description.attributes.all('extmap')];
  for (const line of lines) {
    const [, digits, direction, uri] = EXTMAP.exec(line) ?? [];
    const id = Number(digits);
    if (uri === undefined || direction === 'inactive' || !isUsableId(id, mixed)) continue;
    if (byId.has(id) || uris.has(uri)) continue;
    byId.set(id, {
      uri,
      id,
      sent: direction !== 'recvonly',
      received: direction !== 'sendonly',
    });
    uris.add(uri);
  }
  return [...byId.values()];
}

/** The router's extensions of a kind that a producer may use. */
export function receivable(
  router: RtpCapabilities,
  kind: MediaKind,
): readonly RtpHeaderExtension[] {
  return (router.headerExtensions ?? []).filter(
    (extension) => extension.kind === kind && extension.direction !== 'sendonly',
  );
}

/**
 * Whether a client that numbers `extension` so may also be sent to: mediasoup's packets carry
 * mediasoup's ids whether they were negotiated or not, and a client that reads its `mid` out of our
 * send time drops the packet.
 */
export function canMeetOurPackets(extension: Extension): boolean {
  if (HARMLESS_WHEN_MISREAD.has(extension.uri)) return true;
  const sent = SENT_EXTENSIONS.find(({ id }) => id === extension.id);
  return sent === undefined || sent.uri === extension.uri;
}

/** Whether mediasoup sends this extension to a receiver of `kind` under this very id. */
export function isSentAs(extension: Extension, kind: MediaKind): boolean {
  return SENT_EXTENSIONS.some(
    ({ id, uri, kinds }) =>
      id === extension.id && uri === extension.uri && kinds !== 'none' && kinds.includes(kind),
  );
}

function isUsableId(id: number, mixed: boolean): boolean {
  return (id >= 1 && id <= 14) || (mixed && id >= 16 && id <= 255);
}
