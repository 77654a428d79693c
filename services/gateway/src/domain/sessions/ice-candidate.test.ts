import { expect, test } from 'vitest';
import { requireCandidate } from './ice-candidate.js';

test.each([
  '',
  'candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 0.0.0.0 rport 0 generation 0 ufrag EEtu network-cost 999',
  'candidate:1 1 TCP 1518280447 192.0.2.5 9 typ host tcptype active',
  'candidate:1467250027 1 udp 2122260223 5f0a3b0c-9d7e-4f1c-8a53-2f1d1f6b1f3a.local 46243 typ host',
  'candidate:0 1 UDP 2122252543 2001:db8::1 60000 typ host',
  'a=candidate:1 1 udp 1 192.0.2.1 1 typ relay',
])('a candidate as browsers write it is one: %s', (line) => {
  expect(() => requireCandidate(line)).not.toThrow();
});

test.each([
  'hello',
  'candidate:',
  'candidate:1 1 udp 1 192.0.2.1 1 typ elsewhere',
  'candidate:1 1 sctp 1 192.0.2.1 1 typ host',
  'candidate:1 1 udp 1 192.0.2.1 1 typ host\r\na=ice-lite',
  'candidate:1 1 udp 1 192.0.2.1\n1 typ host',
  'candidate:1 1 udp 99999999999 192.0.2.1 1 typ host',
  'candidate:1 1 udp 1 $(reboot) 1 typ host',
])('anything else is not: %j', (line) => {
  expect(() => requireCandidate(line)).toThrow('not an ICE candidate line');
});
