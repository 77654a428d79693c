import { generateRouterRtpCapabilities } from 'mediasoup/ortc';
import { describe, expect, it } from 'vitest';
import {
  MEDIA_CODECS,
  aDescription,
  aTransport,
  anOutgoingTrack,
  clientTransport,
} from './fixtures.js';
import { DEPENDENCY_DESCRIPTOR_URI } from './header-extensions.js';
import { Negotiation } from './negotiation.js';
import { isLayered } from './scalability.js';

const ROUTER = generateRouterRtpCapabilities(MEDIA_CODECS);
const SOURCE = 'a=ssrc:2 cname:c';
const VP8 = ['a=rtpmap:96 VP8/90000', SOURCE];
const VP9 = ['a=rtpmap:98 VP9/90000', SOURCE];
const AV1 = ['a=rtpmap:45 AV1/90000', SOURCE];
const DESCRIBED_AV1 = [...AV1, `a=extmap:13 ${DEPENDENCY_DESCRIPTOR_URI}`];

function offerOf(lines: readonly string[], trackId = 'camera'): string {
  const named = [...lines, `a=msid:stream ${trackId}`];
  return aDescription([{ mid: '0', kind: 'video', lines: named }]);
}

function aNegotiation(): Negotiation {
  return new Negotiation({ transport: aTransport(), routerRtpCapabilities: ROUTER });
}

/** How the producer is made of what is offered first. */
function modeOf(lines: readonly string[], told: string): string | undefined {
  const offer = aNegotiation().receiveOffer(offerOf(lines), {
    scalabilityModes: new Map([['0', told]]),
  });
  return offer.added[0]?.rtpParameters.encodings?.[0]?.scalabilityMode;
}

describe('scalability modes', () => {
  it('are those of WebRTC-SVC whose layers build on each other', () => {
    expect(['L1T2', 'L1T3', 'L2T1', 'L2T2_KEY', 'L3T3_KEY_SHIFT', 'L2T3h'].every(isLayered)).toBe(
      true,
    );
    expect(['L1T1', 'S2T1', 'S3T3h', 'L4T1', 'L1T', '', 'l1t2'].some(isLayered)).toBe(false);
  });

  it('are taken of VP9, and of AV1 with its dependency descriptor', () => {
    expect(modeOf(VP9, 'L3T3_KEY')).toBe('L3T3_KEY');
    expect(modeOf(DESCRIBED_AV1, 'L2T2')).toBe('L2T2');
    expect(modeOf(AV1, 'L2T2')).toBeUndefined();
    expect(modeOf(VP8, 'L1T3')).toBeUndefined();
    expect(modeOf(VP9, 'S3T3')).toBeUndefined();
  });

  it('come to who receives AV1 with the descriptor that tells its layers', () => {
    const described = (mimeType: string) => {
      const negotiation = aNegotiation();
      const mid = negotiation.reserve('video');
      const track = anOutgoingTrack('video', mid);
      const [media, rtx] = track.rtpParameters.codecs;
      const codecs = media && rtx ? [{ ...media, mimeType }, rtx] : [];
      const rtpParameters = { ...track.rtpParameters, codecs };
      negotiation.setSending(mid, { ...track, rtpParameters });
      return negotiation.createOffer().includes(`a=extmap:7 ${DEPENDENCY_DESCRIPTOR_URI}`);
    };
    expect(described('video/AV1')).toBe(true);
    expect(described('video/VP9')).toBe(false);
  });

  it('of AV1 are of no use to a client that takes no descriptor', () => {
    const taken = (...lines: readonly string[]) => {
      const negotiation = aNegotiation();
      const mid = negotiation.reserve('video');
      const track = anOutgoingTrack('video', mid);
      const codecs = track.rtpParameters.codecs.map((codec) =>
        codec.mimeType === 'video/VP8' ? { ...codec, mimeType: 'video/AV1' } : codec,
      );
      negotiation.setSending(mid, { ...track, rtpParameters: { ...track.rtpParameters, codecs } });
      negotiation.createOffer();
      const answered = ['a=rtpmap:101 AV1/90000', ...lines];
      const section = { mid, kind: 'video', direction: 'recvonly', lines: answered } as const;
      const answer = aDescription([section], clientTransport('clientufrag', 'active'));
      expect(negotiation.receiveAnswer(answer).accepted).toEqual([mid]);
      return negotiation.takesSpatialLayers(mid);
    };
    expect(taken(`a=extmap:7 ${DEPENDENCY_DESCRIPTOR_URI}`)).toBe(true);
    expect(taken()).toBe(false);
  });

  it('stay as they were told, until told otherwise', () => {
    const negotiation = aNegotiation();
    const told = (mode?: string) => {
      const scalabilityModes = mode === undefined ? undefined : new Map([['0', mode]]);
      const { added } = negotiation.receiveOffer(offerOf(VP9), { scalabilityModes });
      negotiation.answer();
      return added.map(({ rtpParameters }) => rtpParameters.encodings?.[0]?.scalabilityMode);
    };
    expect(told('L3T3_KEY')).toEqual(['L3T3_KEY']);
    expect(told()).toEqual([]);
    expect(told('L3T3_KEY')).toEqual([]);
    expect(told('L1T3')).toEqual(['L1T3']);
    expect(told('L1T1')).toEqual([undefined]);
  });
});
