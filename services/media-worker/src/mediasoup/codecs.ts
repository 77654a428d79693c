import type { RouterRtpCodecCapability } from 'mediasoup/types';

/**
 * What Chromium and Firefox call Opus, VP8, VP9 and H.264 (of Firefox): left to them, so that one
 * PeerConnection can carry what a client numbered and what we number (ADR 3). Fillers that nobody
 * uses keep mediasoup from giving these numbers to RTX, for which it takes the first free ones.
 */
const LEFT_TO_CLIENTS = [96, 97, 98, 99, 109, 111, 120, 121, 124, 126, 127];
const FILLERS = LEFT_TO_CLIENTS.map((preferredPayloadType) => ({
  kind: 'audio' as const,
  mimeType: 'audio/SILK',
  preferredPayloadType,
  clockRate: 8_000,
}));

/**
 * What every router of the cluster carries, in the order in which offers list it. All numbers are
 * from 96 upward: aiortc and GStreamer take no others for Opus. Those that Chromium and Firefox have
 * for nothing that is accepted of them are Opus's, VP8's, VP9's, the first H.264's and AV1's.
 */
const CODECS: RouterRtpCodecCapability[] = [
  numbered(110, { kind: 'audio', mimeType: 'audio/opus', clockRate: 48_000, channels: 2 }),
  numbered(112, video('VP8')),
  numbered(122, video('VP9', { 'profile-id': 0 })),
  numbered(114, video('VP9', { 'profile-id': 2 })),
  // Profiles that browsers and hardware encoders offer: constrained baseline, baseline, main, high.
  numbered(118, h264('42e01f', 1)),
  numbered(115, h264('42001f', 1)),
  numbered(116, h264('4d001f', 1)),
  numbered(117, h264('640032', 1)),
  // Software encoders of browsers also offer single-NAL mode, some cameras nothing else.
  numbered(119, h264('42e01f', 0)),
  numbered(125, h264('42001f', 0)),
  numbered(123, video('AV1')),
];

export const MEDIA_CODECS: RouterRtpCodecCapability[] = [...FILLERS, ...CODECS];

function numbered(
  preferredPayloadType: number,
  codec: RouterRtpCodecCapability,
): RouterRtpCodecCapability {
  return { ...codec, preferredPayloadType };
}

function video(codec: string, parameters: Record<string, unknown> = {}): RouterRtpCodecCapability {
  return { kind: 'video', mimeType: `video/${codec}`, clockRate: 90_000, parameters };
}

function h264(profile: string, packetizationMode: 0 | 1): RouterRtpCodecCapability {
  return video('H264', {
    'packetization-mode': packetizationMode,
    'profile-level-id': profile,
    'level-asymmetry-allowed': 1,
  });
}
