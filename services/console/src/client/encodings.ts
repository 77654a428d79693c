export type SourceKind = 'camera' | 'screen';

/** How pictures are sent: VP8 in several sizes at once, the others in one stream of layers. */
export const PICTURE_CODECS = ['VP8', 'VP9', 'AV1'] as const;
export type PictureCodec = (typeof PICTURE_CODECS)[number];

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

/** TypeScript's description of browsers knows no modes. */
interface LayeredEncoding extends RTCRtpEncodingParameters {
  scalabilityMode?: string;
}

/** Layers that need one another at keyframes alone; a screen's are all of its full size. */
const SCALABILITY_MODES: Readonly<Record<SourceKind, string>> = {
  camera: 'L3T3_KEY',
  screen: 'L1T3',
};

const MICROPHONE: readonly RTCRtpEncodingParameters[] = [{ maxBitrate: 40_000 }];
const SCREEN_SOUND: readonly RTCRtpEncodingParameters[] = [{ maxBitrate: 96_000 }];

export function encodingsFor(
  source: SourceKind,
  kind: 'audio' | 'video',
  codec: PictureCodec,
): RTCRtpEncodingParameters[] {
  const audio = source === 'camera' ? MICROPHONE : SCREEN_SOUND;
  if (kind === 'video' && codec !== 'VP8') return [layered(source)];
  const chosen = kind === 'video' ? ENCODINGS[source] : audio;
  return chosen.map((encoding) => ({ ...encoding }));
}

/** Those of {@link PICTURE_CODECS} that this browser can send. */
export function sendableCodecs(): readonly PictureCodec[] {
  const codecs = videoCodecs();
  return PICTURE_CODECS.filter((name) => codecs.some((codec) => isOf(name, codec)));
}

/** That codec first. VP8 is what every browser encodes in simulcast, and every browser decodes. */
export function prefer(name: PictureCodec, transceiver: RTCRtpTransceiver): void {
  const codecs = videoCodecs();
  const first = codecs.filter((codec) => isOf(name, codec));
  const ordered = [...first, ...codecs.filter((codec) => !first.includes(codec))];
  if (ordered.length > 0) transceiver.setCodecPreferences(ordered);
}

/** By mid: what the SDP does not say of pictures in layers. */
export function scalabilityModes(connection: RTCPeerConnection): Record<string, string> {
  const modes: Record<string, string> = {};
  for (const { mid, sender } of connection.getTransceivers()) {
    const [encoding, second]: LayeredEncoding[] = sender.getParameters().encodings;
    if (mid === null || second || encoding?.scalabilityMode === undefined) continue;
    modes[mid] = encoding.scalabilityMode;
  }
  return modes;
}

function layered(source: SourceKind): LayeredEncoding {
  const maxBitrate = ENCODINGS[source].at(-1)?.maxBitrate;
  return {
    scalabilityMode: SCALABILITY_MODES[source],
    ...(maxBitrate === undefined ? {} : { maxBitrate }),
  };
}

function videoCodecs() {
  return RTCRtpSender.getCapabilities('video')?.codecs ?? [];
}

function isOf(name: PictureCodec, { mimeType }: { readonly mimeType: string }): boolean {
  return mimeType.toLowerCase() === `video/${name.toLowerCase()}`;
}
