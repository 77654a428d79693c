import { generateRouterRtpCapabilities } from 'mediasoup/ortc';
import { parse } from 'sdp-transform';
import { describe, expect, it } from 'vitest';
import { SdpError } from './errors.js';
import {
  MEDIA_CODECS,
  SCTP_PARAMETERS,
  aDescription,
  aTransport,
  anOutgoingTrack,
  clientTransport,
  type ModelSection,
} from './fixtures.js';
import { Negotiation } from './negotiation.js';

function aNegotiation(sctp = true): Negotiation {
  return new Negotiation({
    transport: aTransport(sctp ? { sctpParameters: SCTP_PARAMETERS } : {}),
    routerRtpCapabilities: generateRouterRtpCapabilities(MEDIA_CODECS),
  });
}

/** The m-line of our offers for data, answered by a client. */
function answered(offer: string, data: Partial<ModelSection> = {}): string {
  const sections = parse(offer).media.map(({ mid, type }): ModelSection => {
    const section = { mid: String(mid), kind: type as ModelSection['kind'] };
    if (type === 'application') return { ...section, ...data };
    return { ...section, direction: 'recvonly', lines: ['a=rtpmap:100 opus/48000/2'] };
  });
  return aDescription(sections, clientTransport('clientufrag', 'active'));
}

function lines(sdp: string): string[] {
  return parse(sdp).media.map(({ type, port, mid }) => `${type} ${port} ${String(mid)}`);
}

describe('data channels that we want', () => {
  it('are in our next offer, once, and agreed by its answer', () => {
    const negotiation = aNegotiation();
    negotiation.wantData();
    negotiation.wantData();
    expect([negotiation.offerNeeded, negotiation.data]).toEqual([true, undefined]);
    const offer = negotiation.createOffer();
    expect(offer).toContain('m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n');
    expect(offer).toContain('a=sctp-port:5000\r\na=max-message-size:262144\r\n');
    expect(negotiation.offerNeeded).toBe(false);
    const answer = negotiation.receiveAnswer(answered(offer));
    expect([answer.accepted, answer.rejected]).toEqual([[], []]);
    expect(negotiation.data).toEqual({ maxMessageBytes: 262_144 });
    negotiation.wantData();
    expect(negotiation.offerNeeded).toBe(false);
    expect(lines(negotiation.createOffer())).toEqual(['application 9 s0']);
  });

  it('that a client declines are not offered again, unless they are wanted again, in their place', () => {
    const negotiation = aNegotiation();
    const mid = negotiation.reserve('audio');
    negotiation.setSending(mid, anOutgoingTrack('audio', mid));
    negotiation.wantData();
    const offer = negotiation.createOffer();
    expect(lines(offer)).toEqual(['audio 9 s0', 'application 9 s1']);
    expect(negotiation.receiveAnswer(answered(offer, { stopped: true })).accepted).toEqual(['s0']);
    expect([negotiation.offerNeeded, negotiation.data]).toEqual([false, undefined]);
    negotiation.wantData();
    expect(lines(negotiation.createOffer())).toEqual(['audio 9 s0', 'application 9 s2']);
  });

  it('are offered again after glare, unless the client has offered them meanwhile', () => {
    for (const kind of ['audio', 'application'] as const) {
      const negotiation = aNegotiation();
      negotiation.wantData();
      negotiation.createOffer();
      negotiation.receiveOffer(aDescription([{ mid: 'c', kind }]));
      negotiation.answer();
      expect(negotiation.offerNeeded).toBe(kind === 'audio');
      expect(negotiation.data !== undefined).toBe(kind === 'application');
    }
  });

  it('need a transport that has SCTP', () => {
    expect(() => aNegotiation(false).wantData()).toThrow(TypeError);
  });
});

describe('the largest message of a client', () => {
  const sizeIn = (line: string) => {
    const negotiation = aNegotiation();
    const sdp = aDescription([{ mid: 'c', kind: 'application' }]);
    negotiation.receiveOffer(sdp.replace(/^a=max-message-size:262144\r\n/m, line));
    negotiation.answer();
    return negotiation.data?.maxMessageBytes;
  };

  it('is what it says, 64 KiB where it says nothing, and no bound where it says 0', () => {
    expect(sizeIn('a=max-message-size:1073741823\r\n')).toBe(1_073_741_823);
    expect(sizeIn('')).toBe(65_536);
    expect(sizeIn('a=max-message-size:0\r\n')).toBe(Infinity);
  });

  it('is a number', () => {
    for (const text of ['x', '-1', '1.5', '']) {
      expect(() => sizeIn(`a=max-message-size:${text}\r\n`)).toThrow(SdpError);
    }
  });
});
