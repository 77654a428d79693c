import { isIP } from 'node:net';
import { readBundle } from './bundle.js';
import { checkCandidate } from './candidates.js';
import { readIceCredentials, type IceCredentials } from './ice.js';
import { sdpLimitsOf } from './limits.js';
import type { SdpLimits } from './negotiation-types.js';
import { parseSessionDescription } from './session-description.js';

/** Where the other side may be reached by UDP. */
export interface RemoteCandidate {
  readonly ip: string;
  readonly port: number;
  readonly priority: number;
}

/** What a description says of ICE at its end, for an agent that makes checks. */
export interface RemoteIce {
  readonly credentials: IceCredentials;
  /** It answers checks and makes none. */
  readonly lite: boolean;
  readonly candidates: readonly RemoteCandidate[];
}

/**
 * Undefined where no m-line is alive.
 *
 * @throws {SdpError} as whoever negotiates.
 */
export function readRemoteIce(sdp: string, limits?: Partial<SdpLimits>): RemoteIce | undefined {
  const description = parseSessionDescription(sdp, sdpLimitsOf(limits));
  const { tagged } = readBundle(description);
  if (!tagged) return undefined;
  const lines = [...description.attributes.all('candidate'), ...tagged.attributes.all('candidate')];
  return {
    credentials: readIceCredentials(tagged.attributes, description.attributes),
    lite: description.attributes.has('ice-lite'),
    candidates: lines.flatMap((line) => readRemoteCandidate(`candidate:${line}`) ?? []),
  };
}

/**
 * Undefined for what cannot be reached by UDP at an address: TCP, names, other components, and the end
 * of candidates.
 *
 * @throws {SdpError} MALFORMED, TOO_LARGE.
 */
export function readRemoteCandidate(candidate: string): RemoteCandidate | undefined {
  checkCandidate(candidate);
  const [, component, protocol, priority, ip = '', port] = candidate
    .trim()
    .replace(/^(a=)?candidate:/, '')
    .split(' ');
  if (component !== '1' || protocol?.toLowerCase() !== 'udp' || isIP(ip) === 0) return undefined;
  const number = Number(port);
  return number > 0 ? { ip, port: number, priority: Number(priority) } : undefined;
}
