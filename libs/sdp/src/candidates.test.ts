import { describe, expect, it } from 'vitest';
import { checkCandidate } from './candidates.js';
import { SdpError } from './errors.js';

describe('a trickled candidate', () => {
  it.each([
    '',
    'end-of-candidates',
    'candidate:1 1 udp 2122194687 192.0.2.1 46513 typ host',
    'a=candidate:1 1 UDP 2122194687 192.0.2.1 46513 typ srflx raddr 0.0.0.0 rport 0',
    'candidate:842163049 1 udp 1677729535 2001:db8::1 46513 typ srflx raddr fe80::1%eth0 rport 9 generation 0 ufrag EEtu network-cost 999',
    'candidate:4 1 tcp 1518214911 0f3f2f5c-3a4c-4c39-8e0f-5f9f5f5f5f5f.local 9 typ host tcptype active',
  ])('is fine as %j', (candidate) => {
    expect(() => checkCandidate(candidate)).not.toThrow();
  });

  it.each([
    'hello',
    'candidate:',
    'candidate:1 1 udp x 192.0.2.1 46513 typ host',
    'candidate:1 1 udp 1 192.0.2.1 99999 typ host',
    'candidate:1 1 udp 1 192.0.2.1 1 typ host generation',
    'candidate:1 1 udp 1 192.0.2.1 1 typ host\r\na=ice-lite',
    `candidate:1 1 udp 1 192.0.2.1 1 typ host ${'x y '.repeat(1000)}`,
  ])('is refused as %.60j', (candidate) => {
    expect(() => checkCandidate(candidate)).toThrow(SdpError);
  });

  it('is refused when it is no text', () => {
    expect(() => checkCandidate(null as unknown as string)).toThrow(SdpError);
  });
});
