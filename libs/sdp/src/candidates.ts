import type { IceCandidate } from './dictionaries.js';
import { SdpError } from './errors.js';

/** An ICE candidate as sdp-transform writes it. */
export interface WrittenCandidate {
  readonly foundation: string;
  readonly component: number;
  readonly transport: string;
  readonly priority: number;
  readonly ip: string;
  readonly port: number;
  readonly type: string;
  readonly tcptype?: string;
}

const MAX_CANDIDATE_BYTES = 1024;
/** RFC 8839 §5.1; addresses may be names, such as mDNS's. */
const CANDIDATE = new RegExp(
  [
    '^[A-Za-z0-9+/]{1,32} \\d{1,3} [A-Za-z0-9-]{1,16} \\d{1,10} [A-Za-z0-9.:%_-]{1,255} (\\d{1,5})',
    ' typ [A-Za-z0-9-]{1,32}((?: [!-~]+ [!-~]+)*)$',
  ].join(''),
);

/**
 * Checks a trickled candidate, with or without `a=` before it. Nothing else is done with one: an
 * ICE-lite server waits for connectivity checks and learns addresses from them. An empty candidate
 * (the end of candidates) is fine.
 *
 * @throws {SdpError} MALFORMED, TOO_LARGE.
 */
export function checkCandidate(candidate: string): void {
  if (typeof candidate !== 'string') throw new SdpError('MALFORMED', 'the candidate is not text');
  if (candidate.length > MAX_CANDIDATE_BYTES) {
    throw new SdpError('TOO_LARGE', 'the candidate is too long');
  }
  const line = candidate.trim().replace(/^a=/, '');
  if (line === '' || line === 'end-of-candidates') return;
  const [, port] = line.startsWith('candidate:')
    ? (CANDIDATE.exec(line.slice('candidate:'.length)) ?? [])
    : [];
  if (port === undefined || Number(port) > 65_535) {
    throw new SdpError('MALFORMED', 'malformed candidate');
  }
}

/** All candidates of ours; TCP ones wait for connections. */
export function writeCandidates(candidates: readonly IceCandidate[]): WrittenCandidate[] {
  return candidates.map((candidate) => ({
    foundation: candidate.foundation,
    component: 1,
    transport: candidate.protocol,
    priority: candidate.priority,
    ip: candidate.address,
    port: candidate.port,
    type: candidate.type,
    ...(candidate.protocol === 'tcp' && { tcptype: candidate.tcpType ?? 'passive' }),
  }));
}
