import { expect, test } from 'vitest';
import { FakeClock } from '@sluice/testing';
import { PeerConnections } from './peer-connections.js';
import type { MediaNode } from '../ports.js';
import { Session } from './session.js';

const sdp = (id: string, version = 1) =>
  `v=0\r\no=- ${id} ${String(version)} IN IP4 0.0.0.0\r\ns=-\r\n`;
const HOME = { nodeId: 'a', bootId: 'b', routerId: 'r', grpcAddress: 'h:1' };
const aSession = () => new Session('s', HOME, {} as MediaNode, new FakeClock());

test('all descriptions of one PeerConnection belong to the session of the first', () => {
  const connections = new PeerConnections();
  const session = aSession();
  expect(connections.sessionOf(sdp('7'))).toBeUndefined();
  connections.belongs(sdp('7'), session);
  expect(connections.sessionOf(sdp('7', 2))).toBe(session);
  expect(connections.sessionOf(sdp('77'))).toBeUndefined();
});

test('SDP without an origin belongs nowhere', () => {
  const connections = new PeerConnections();
  for (const text of ['', 'o=', 'o=- x 1 IN IP4 0', `o=- ${'9'.repeat(40)} 1`]) {
    connections.belongs(text, aSession());
    expect(connections.sessionOf(text)).toBeUndefined();
  }
});

test('a client that makes very many PeerConnections loses the oldest of them, not those in use', () => {
  const connections = new PeerConnections();
  const inUse = aSession();
  connections.belongs(sdp('1'), inUse);
  connections.belongs(sdp('2'), aSession());
  for (let id = 3; id < 1_025; id += 1) connections.belongs(sdp(String(id)), aSession());
  connections.belongs(sdp('1'), inUse);
  connections.belongs(sdp('9999'), aSession());
  expect(connections.sessionOf(sdp('1'))).toBe(inUse);
  expect(connections.sessionOf(sdp('2'))).toBeUndefined();
});
