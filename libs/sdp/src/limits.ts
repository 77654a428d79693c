import type { SdpLimits } from './negotiation-types.js';

/** What one PeerConnection may ask for at most, unless the operator says otherwise. */
export const DEFAULT_SDP_LIMITS: SdpLimits = {
  sdpBytes: 128 * 1024,
  mLines: 128,
  itemsPerMLine: 100,
};

/** A sharp picture from the start, and room for a camera's simulcast within seconds. */
export const DEFAULT_VIDEO_START_BITRATE_BPS = 1_000_000;

/** The defaults with `given` in their place where it says something. */
export function sdpLimitsOf(given: Partial<SdpLimits> = {}): SdpLimits {
  return {
    sdpBytes: given.sdpBytes ?? DEFAULT_SDP_LIMITS.sdpBytes,
    mLines: given.mLines ?? DEFAULT_SDP_LIMITS.mLines,
    itemsPerMLine: given.itemsPerMLine ?? DEFAULT_SDP_LIMITS.itemsPerMLine,
  };
}
