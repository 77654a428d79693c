import type { BundleNumbers, NumbersUsed } from './bundle-numbers.js';
import { isRtx, type Codec } from './codecs.js';
import type { RtpCodecParameters } from './dictionaries.js';
import { SENT_DEPENDENCY_DESCRIPTOR, type Extension } from './header-extensions.js';
import { toFormatParameters } from './format-parameters.js';
import type { OfferedSlot, OutgoingTrack } from './negotiation-types.js';
import type { OfferedMedia } from './offered-media.js';

const PRIVATE_TO_MEDIASOUP = 'urn:mediasoup:';

/** What we send on an m-line, and how we describe it. */
export interface Sending extends NumbersUsed {
  readonly track: OutgoingTrack;
  readonly codecs: readonly Codec[];
  readonly extensions: readonly Extension[];
}

/**
 * Describes a track by what of it agrees with the numbers in use in the BUNDLE, and, on an m-line
 * that the client numbered, with its slot. Undefined where the media codec itself does not.
 */
export function describeSending(
  track: OutgoingTrack,
  numbers: BundleNumbers,
  slot?: OfferedSlot,
): Sending | undefined {
  const described = track.rtpParameters.codecs.map(toCodec);
  const media = described.find((codec) => !isRtx(codec.mimeType));
  if (!media || !numbers.canUseCodec(media)) return undefined;
  const rtx = described.find(
    (codec) =>
      isRtx(codec.mimeType) &&
      codec.parameters['apt'] === media.payloadType &&
      numbers.canUseCodec(codec) &&
      (!slot || slotHasRtx(slot, codec)),
  );
  const extensions = sentExtensions(track, media).filter(
    (extension) =>
      !extension.uri.startsWith(PRIVATE_TO_MEDIASOUP) &&
      numbers.canUseExtension(extension) &&
      (!slot || slotHasExtension(slot, extension)),
  );
  return { track, codecs: rtx ? [media, rtx] : [media], extensions };
}

/** What of `sending` a new offer of the client still has, which is all that its answer may have. */
export function withinOffer(sending: Sending, media: OfferedMedia): Sending | undefined {
  const [codec, rtx] = sending.codecs;
  const pair = media.codecs.find((offered) => offered.media.payloadType === codec?.payloadType);
  if (!media.receives || !codec || !pair) return undefined;
  const repairs = rtx !== undefined && pair.rtx?.payloadType === rtx.payloadType;
  return {
    ...sending,
    codecs: repairs ? [codec, rtx] : [codec],
    extensions: sending.extensions.filter(({ uri, id }) =>
      media.extensions.some((offered) => offered.uri === uri && offered.id === id),
    ),
  };
}

/** Without its descriptor nobody can put together AV1 pictures of several spatial layers. */
function sentExtensions({ rtpParameters }: OutgoingTrack, { mimeType }: Codec): Extension[] {
  const signalled = (rtpParameters.headerExtensions ?? []).map(({ uri, id }) => ({ uri, id }));
  const isAv1 = mimeType.toLowerCase() === 'video/av1';
  return isAv1 ? [...signalled, SENT_DEPENDENCY_DESCRIPTOR] : signalled;
}

function slotHasRtx(slot: OfferedSlot, rtx: Codec): boolean {
  return (slot.rtpCapabilities.codecs ?? []).some(
    (codec) =>
      isRtx(codec.mimeType) &&
      codec.preferredPayloadType === rtx.payloadType &&
      codec.parameters?.['apt'] === rtx.parameters['apt'],
  );
}

function slotHasExtension(slot: OfferedSlot, extension: Extension): boolean {
  return (slot.rtpCapabilities.headerExtensions ?? []).some(
    ({ uri, preferredId }) => uri === extension.uri && preferredId === extension.id,
  );
}

function toCodec(codec: RtpCodecParameters): Codec {
  const parameters = toFormatParameters(codec.parameters);
  // A receiver decodes stereo only where the sender's description asks it to.
  if (parameters['sprop-stereo'] !== undefined) parameters['stereo'] = parameters['sprop-stereo'];
  return {
    mimeType: codec.mimeType,
    payloadType: codec.payloadType,
    clockRate: codec.clockRate,
    ...(codec.channels !== undefined && { channels: codec.channels }),
    parameters,
    rtcpFeedback: codec.rtcpFeedback ?? [],
  };
}
