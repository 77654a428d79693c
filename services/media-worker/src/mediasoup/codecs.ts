import type { RouterRtpCodecCapability } from 'mediasoup/types';

/** Profiles that browsers and hardware encoders offer: constrained baseline, baseline, main, high. */
const H264_PROFILES = ['42e01f', '42001f', '4d001f', '640032'];

/**
 * Numbers that clients rarely use, so that one PeerConnection can carry what a client numbered and
 * what we number (ADR 3): media from 50 upward, and RTX, which mediasoup numbers, from 112 upward,
 * since fillers that nobody uses take what lies before.
 */
const FIRST_PAYLOAD_TYPE = 50;
const FILLERS = Array.from({ length: 12 }, (_, index) => ({
  kind: 'audio' as const,
  mimeType: 'audio/SILK',
  preferredPayloadType: 100 + index,
  clockRate: 8_000,
}));

/** What every router of the cluster carries, in the order in which offers list it. */
const CODECS: RouterRtpCodecCapability[] = [
  { kind: 'audio', mimeType: 'audio/opus', clockRate: 48_000, channels: 2 },
  video('VP8'),
  video('VP9', { 'profile-id': 0 }),
  video('VP9', { 'profile-id': 2 }),
  ...H264_PROFILES.map((profile) => h264(profile, 1)),
  // Software encoders of browsers also offer single-NAL mode, some cameras nothing else.
  ...H264_PROFILES.slice(0, 2).map((profile) => h264(profile, 0)),
  video('AV1'),
];

export const MEDIA_CODECS: RouterRtpCodecCapability[] = [
  ...FILLERS,
  ...CODECS.map((codec, index) => ({
    ...codec,
    preferredPayloadType: FIRST_PAYLOAD_TYPE + index,
  })),
];

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
