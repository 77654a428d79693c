import { generateRouterRtpCapabilities } from 'mediasoup/ortc';
import { describe, expect, it } from 'vitest';
import { canMeetOurPackets, isSentAs } from './header-extensions.js';

describe('what we know of mediasoup’s header extensions', () => {
  const { headerExtensions = [] } = generateRouterRtpCapabilities([]);

  it('has the ids and kinds of the installed version', () => {
    for (const { kind, uri, preferredId, direction } of headerExtensions) {
      const sent = direction === 'sendrecv' && !uri.startsWith('urn:mediasoup:');
      expect(isSentAs({ uri, id: preferredId }, kind), `${kind} ${uri}`).toBe(sent);
    }
  });

  it('keeps a client from reading one extension as another', () => {
    const mid = 'urn:ietf:params:rtp-hdrext:sdes:mid';
    expect([1, 2, 3, 13].every((id) => canMeetOurPackets({ uri: mid, id }))).toBe(true);
    expect([4, 5, 6, 7, 8, 9, 10, 11, 12].some((id) => canMeetOurPackets({ uri: mid, id }))).toBe(
      false,
    );
    const rid = 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id';
    expect(canMeetOurPackets({ uri: rid, id: 10 })).toBe(true);
  });
});
