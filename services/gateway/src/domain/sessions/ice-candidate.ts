import { SluiceError } from '@sluice/core';

// RFC 8839, section 5.1: foundation, component, transport, priority, address, port, type.
const CANDIDATE =
  /^(a=)?candidate:[\w+/]{1,32} \d{1,5} (udp|tcp|ssltcp) \d{1,10} [\w.:-]{1,255} \d{1,5} typ (host|srflx|prflx|relay)( [\x21-\x7e]+)*$/i;

/** '' says that no more will come. @throws {SluiceError} INVALID_ARGUMENT */
export function requireCandidate(line: string): void {
  if (line === '' || CANDIDATE.test(line)) return;
  throw new SluiceError('INVALID_ARGUMENT', 'not an ICE candidate line');
}
