export type SourceKind = 'camera' | 'screen';

/** Smallest first, as mediasoup and libwebrtc count layers. */
const ENCODINGS: Readonly<Record<SourceKind, readonly RTCRtpEncodingParameters[]>> = {
  camera: [
    { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
    { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
    { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 1_800_000 },
  ],
  screen: [
    { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000, maxFramerate: 15 },
    { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 2_500_000, maxFramerate: 30 },
  ],
};

const MICROPHONE: readonly RTCRtpEncodingParameters[] = [{ maxBitrate: 40_000 }];
const SCREEN_SOUND: readonly RTCRtpEncodingParameters[] = [{ maxBitrate: 96_000 }];

export function encodingsFor(
  source: SourceKind,
  kind: 'audio' | 'video',
): RTCRtpEncodingParameters[] {
  const audio = source === 'camera' ? MICROPHONE : SCREEN_SOUND;
  const chosen = kind === 'video' ? ENCODINGS[source] : audio;
  return chosen.map((encoding) => ({ ...encoding }));
}

/** VP8 first: every browser encodes it in simulcast, and every browser decodes it. */
export function preferVp8(transceiver: RTCRtpTransceiver): void {
  const codecs = RTCRtpSender.getCapabilities('video')?.codecs ?? [];
  const isVp8 = (codec: { mimeType: string }) => codec.mimeType.toLowerCase() === 'video/vp8';
  const ordered = [...codecs.filter(isVp8), ...codecs.filter((codec) => !isVp8(codec))];
  if (ordered.length > 0) transceiver.setCodecPreferences(ordered);
}
