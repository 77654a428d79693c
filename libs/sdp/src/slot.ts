import { isSameCodec, isKnownCodec, passedParameters, routerCodecPairs } from './codec-match.js';
import type { CodecPair } from './codecs.js';
import type {
  RtpCapabilities,
  RtpCodecCapability,
  RtpHeaderExtension,
  RtpHeaderExtensionUri,
  RtpParameters,
} from './dictionaries.js';
import { toFormatParameters } from './format-parameters.js';
import { isSentAs } from './header-extensions.js';
import { readBundle } from './bundle.js';
import { sdpLimitsOf } from './limits.js';
import type { OfferedSlot, SdpLimits } from './negotiation-types.js';
import { readOfferedMedia, type OfferedMedia } from './offered-media.js';
import { parseSessionDescription } from './session-description.js';

/** mediasoup writes at most this much of a mid into packets. */
const MAX_MID_BYTES = 8;

/**
 * What the client could receive on an m-line that it offered, in its own numbering; undefined where
 * it receives nothing, or nothing that mediasoup sends.
 */
export function readSlot(media: OfferedMedia): OfferedSlot | undefined {
  if (!media.receives || media.mid.length > MAX_MID_BYTES) return undefined;
  const codecs = media.codecs
    .filter(({ media: codec }) => isKnownCodec(codec))
    .flatMap((pair) => toCapabilities(pair, media));
  if (codecs.length === 0) return undefined;
  const headerExtensions = media.extensions
    .filter((extension) => extension.received && isSentAs(extension, media.kind))
    .map(({ uri, id }): RtpHeaderExtension => ({
      kind: media.kind,
      uri: uri as RtpHeaderExtensionUri,
      preferredId: id,
      preferredEncrypt: false,
      direction: 'sendrecv',
    }));
  return { mid: media.mid, kind: media.kind, rtpCapabilities: { codecs, headerExtensions } };
}

/**
 * The slots of an offer, before there is a transport: for `numberingOf`, which says on what router
 * the transport had best be made.
 *
 * @throws {SdpError}
 */
export function slotsOf(sdp: string, limits?: Partial<SdpLimits>): OfferedSlot[] {
  const all = sdpLimitsOf(limits);
  const description = parseSessionDescription(sdp, all);
  const bundle = readBundle(description);
  return description.sections.flatMap((section) => {
    const { kind } = section;
    if (kind !== 'audio' && kind !== 'video') return [];
    const media = readOfferedMedia(section, kind, description, all);
    const slot = bundle.alive.has(media.mid) ? readSlot(media) : undefined;
    return slot ? [slot] : [];
  });
}

/** Whether the client can decode this consumer on that slot: same codec under the same number. */
export function fitsSlot(slot: OfferedSlot, rtpParameters: RtpParameters): boolean {
  const [codec] = rtpParameters.codecs;
  if (!codec) return false;
  const offered = offeredCodec(slot, codec.payloadType);
  return (
    offered !== undefined &&
    isSameCodec({ ...codec, parameters: toFormatParameters(codec.parameters) }, offered)
  );
}

/**
 * What `transport.consume()` should be told for a slot: only what `router` numbers as the client
 * does. Retransmission by RTX is in it where its payload type agrees too.
 */
export function consumableOn(slot: OfferedSlot, router: RtpCapabilities): RtpCapabilities {
  const codecs = routerCodecPairs(router, slot.kind).flatMap(({ media, rtx }) => {
    const offered = offeredCodec(slot, media.payloadType);
    if (!offered || !isSameCodec(media, offered)) return [];
    const offeredRtx = rtx && offeredCodec(slot, rtx.payloadType);
    const repairs = offeredRtx?.parameters?.['apt'] === media.payloadType;
    return offeredRtx && repairs ? [offered, offeredRtx] : [offered];
  });
  return { codecs, headerExtensions: slot.rtpCapabilities.headerExtensions ?? [] };
}

function offeredCodec(slot: OfferedSlot, payloadType: number): RtpCodecCapability | undefined {
  return slot.rtpCapabilities.codecs?.find((codec) => codec.preferredPayloadType === payloadType);
}

function toCapabilities({ media, rtx }: CodecPair, { kind }: OfferedMedia): RtpCodecCapability[] {
  const capability: RtpCodecCapability = {
    kind,
    mimeType: media.mimeType,
    preferredPayloadType: media.payloadType,
    clockRate: media.clockRate,
    ...(media.channels !== undefined && { channels: media.channels }),
    parameters: passedParameters(media),
    rtcpFeedback: [...media.rtcpFeedback],
  };
  if (rtx?.clockRate !== media.clockRate) return [capability];
  const repair: RtpCodecCapability = {
    kind,
    mimeType: `${kind}/rtx`,
    preferredPayloadType: rtx.payloadType,
    clockRate: rtx.clockRate,
    parameters: { apt: media.payloadType },
    rtcpFeedback: [],
  };
  return [capability, repair];
}
