import type { RtpCapabilities } from './dictionaries.js';
import { sdpLimitsOf } from './limits.js';
import type { IncomingTrack } from './negotiation-types.js';
import { readOffer, receptionsOf } from './offer-reader.js';

/**
 * What the writer of a description, offer or answer, says that it sends: for who dials another
 * server and has something else negotiate.
 *
 * @throws {SdpError}
 */
export function sentTracks(sdp: string, router: RtpCapabilities): IncomingTrack[] {
  const { lines } = readOffer(sdp, {
    lines: [],
    router,
    limits: sdpLimitsOf(undefined),
    sctp: false,
    bothWays: false,
    videoStartBitrateBps: 0,
    scalabilityModes: new Map(),
  });
  return [...receptionsOf(lines).values()].map(({ track }) => track);
}
