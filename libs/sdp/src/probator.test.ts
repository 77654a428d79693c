import { generateRouterRtpCapabilities } from 'mediasoup/ortc';
import { parse } from 'sdp-transform';
import { describe, expect, it } from 'vitest';
import {
  MEDIA_CODECS,
  aDescription,
  aTransport,
  anOutgoingTrack,
  clientTransport,
  type ModelSection,
} from './fixtures.js';
import { Negotiation } from './negotiation.js';
import type { NegotiationOptions } from './negotiation-types.js';

const URIS = {
  mid: 'urn:ietf:params:rtp-hdrext:sdes:mid',
  sendTime: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
};

function aNegotiation(given: Partial<NegotiationOptions> = {}): Negotiation {
  return new Negotiation({
    transport: aTransport(),
    routerRtpCapabilities: generateRouterRtpCapabilities(MEDIA_CODECS),
    probator: true,
    ...given,
  });
}

function send(negotiation: Negotiation, kind: 'audio' | 'video'): string {
  const mid = negotiation.reserve(kind);
  negotiation.setSending(mid, anOutgoingTrack(kind, mid));
  return mid;
}

/** Of a client that receives all, and declines what it is told to. */
function answerTo(offer: string, declined: readonly string[] = []): string {
  const sections = parse(offer).media.map((media): ModelSection => {
    const mid = String(media.mid);
    return {
      mid,
      kind: media.type as ModelSection['kind'],
      stopped: declined.includes(mid),
      direction: media.direction === 'sendonly' ? 'recvonly' : 'inactive',
      lines: media.rtp.map(({ payload, codec, rate }) => {
        return `a=rtpmap:${payload} ${codec}/${rate ?? 0}`;
      }),
    };
  });
  return aDescription(sections, clientTransport('clientufrag', 'active'));
}

const midsOf = (sdp: string) => parse(sdp).media.map(({ mid }) => String(mid));

describe('the place of mediasoup’s probes', () => {
  it('stands last in the first offer with a picture, without a track of its own', () => {
    const negotiation = aNegotiation();
    const sound = send(negotiation, 'audio');
    const offer = negotiation.createOffer();
    expect(midsOf(offer)).toEqual([sound]);
    negotiation.receiveAnswer(answerTo(offer));

    const picture = send(negotiation, 'video');
    const next = negotiation.createOffer();
    expect(midsOf(next)).toEqual([sound, picture, 'probator']);
    const place = parse(next).media.at(-1);
    expect(place).toMatchObject({ type: 'video', direction: 'inactive', payloads: 101 });
    expect(place?.msid).toBeUndefined();
    expect(place?.ext).toEqual([
      { value: 1, uri: URIS.mid },
      { value: 4, uri: URIS.sendTime },
    ]);
    const { accepted, rejected } = negotiation.receiveAnswer(answerTo(next));
    expect([accepted, rejected]).toEqual([[sound, picture], []]);
  });

  it('stays the only one, and nobody’s track comes onto it', () => {
    const negotiation = aNegotiation();
    const first = send(negotiation, 'video');
    negotiation.receiveAnswer(answerTo(negotiation.createOffer()));
    expect(negotiation.offerNeeded).toBe(false);
    const second = send(negotiation, 'video');
    const offer = negotiation.createOffer();
    expect(midsOf(offer)).toEqual([first, 'probator', second]);
  });

  it('is not asked for again where the client declined it', () => {
    const negotiation = aNegotiation();
    send(negotiation, 'video');
    const offer = negotiation.createOffer();
    negotiation.receiveAnswer(answerTo(offer, ['probator']));
    expect(negotiation.offerNeeded).toBe(false);
    // In its place, which is dead.
    const second = send(negotiation, 'video');
    const next = negotiation.createOffer();
    expect(midsOf(next)).toEqual(['s0', second]);
    negotiation.receiveAnswer(answerTo(next));
    const third = send(negotiation, 'video');
    expect(midsOf(negotiation.createOffer())).toEqual(['s0', second, third]);
  });

  it('takes no place that a track needs, and none where nobody asked for it', () => {
    const full = aNegotiation({ limits: { mLines: 2 } });
    const tracks = [send(full, 'video'), send(full, 'video')];
    expect(midsOf(full.createOffer())).toEqual(tracks);
    const without = aNegotiation({ probator: false });
    const track = send(without, 'video');
    expect(midsOf(without.createOffer())).toEqual([track]);
  });

  it('stays through an offer of the client', () => {
    const negotiation = aNegotiation();
    const picture = send(negotiation, 'video');
    const offer = negotiation.createOffer();
    negotiation.receiveAnswer(answerTo(offer));
    negotiation.receiveOffer(answerTo(offer).replaceAll('a=setup:active', 'a=setup:actpass'));
    const answer = negotiation.answer();
    expect(parse(answer).media.map(({ mid, direction }) => `${String(mid)} ${direction}`)).toEqual([
      `${picture} sendonly`,
      'probator inactive',
    ]);
  });
});
