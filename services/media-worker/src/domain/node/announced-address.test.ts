import { expect, test } from 'vitest';
import { parseAddressSource } from './announced-address.js';

test.each([
  ['203.0.113.7', { kind: 'given', address: '203.0.113.7' }],
  ['2001:db8::7', { kind: 'given', address: '2001:db8::7' }],
  ['host-1.media.example.org', { kind: 'given', address: 'host-1.media.example.org' }],
  ['stun:stun.example.org', { kind: 'stun', host: 'stun.example.org', port: 3_478 }],
  ['stun:203.0.113.9:19302', { kind: 'stun', host: '203.0.113.9', port: 19_302 }],
  ['stun:[2001:db8::9]:3478', { kind: 'stun', host: '2001:db8::9', port: 3_478 }],
  ['cloud:aws', { kind: 'cloud', cloud: 'aws' }],
  ['cloud:gcp', { kind: 'cloud', cloud: 'gcp' }],
  ['map:host-2:host-1=203.0.113.1, host-2=203.0.113.2', { kind: 'given', address: '203.0.113.2' }],
  ['map:host-6:host-6=2001:db8::6', { kind: 'given', address: '2001:db8::6' }],
])('%s', (text, source) => {
  expect(parseAddressSource(text)).toEqual(source);
});

test.each([
  ['two words', 'must be'],
  ['', 'must be'],
  ['cloud:other', 'must be'],
  ['stun:', 'must be'],
  ['map:host-1', 'must be'],
  ['map:host-3:host-1=203.0.113.1', 'no address for this host'],
  ['map:host-1:host-1=', 'must be'],
  ['map:host-1:host-1=cloud:aws', 'must be'],
])('%j is refused', (text, why) => {
  expect(() => parseAddressSource(text)).toThrow(why);
});
