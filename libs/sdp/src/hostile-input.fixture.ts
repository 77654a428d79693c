import fc from 'fast-check';
import { generateRouterRtpCapabilities } from 'mediasoup/ortc';
import { expect } from 'vitest';
import { checkCandidate } from './candidates.js';
import { SdpError } from './errors.js';
import {
  MEDIA_CODECS,
  SCTP_PARAMETERS,
  aDescription,
  aTransport,
  anOutgoingTrack,
} from './fixtures.js';
import { TransportApi } from './mediasoup-api.fixture.js';
import { at, mutate, mutated, mutation, nasty, replaceWord } from './mutations.fixture.js';
import { Negotiation } from './negotiation.js';
import type { OfferReceived } from './negotiation-types.js';
import { numberingOf } from './numbering.js';
import { sessionIdOf } from './session-description.js';
import { slotsOf } from './slot.js';

const ROUTER = generateRouterRtpCapabilities(MEDIA_CODECS);
const TRANSPORT = aTransport({ sctpParameters: SCTP_PARAMETERS });
/** What we write can be read, and nothing of the client's has broken out of its line. */
const OF_OURS = /^(?:[a-z]=[ -~]*\r\n)+$/;

/** Runs what may fail by an SdpError and in no other way. */
export function tried<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof SdpError) return undefined;
    throw error;
  }
}

/** Broken offers, each followed by the same one again and by another broken one. */
export function offersAreReadOrRefused(numRuns: number): { readonly accepted: number } {
  let accepted = 0;
  fc.assert(
    fc.property(
      mutated,
      fc.array(mutation, { maxLength: 3 }),
      fc.boolean(),
      (sdp, mutations, bothWays) => {
        const negotiation = aNegotiation(bothWays);
        const api = new TransportApi(ROUTER);
        tried(() => numberingOf(slotsOf(sdp)));
        tried(() => sessionIdOf(sdp));
        const offer = tried(() => negotiation.receiveOffer(sdp));
        if (!offer) return;
        accepted += 1;
        take(negotiation, offer, api);
        expect(negotiation.continues(sdp)).toBe(offer.connect !== undefined);
        const again = tried(() => negotiation.receiveOffer(sdp));
        if (again) {
          expect(again.added).toEqual([]);
          take(negotiation, again, api);
        }
        const other = tried(() => negotiation.receiveOffer(mutate(sdp, mutations)));
        if (other) take(negotiation, other, api);
      },
    ),
    { numRuns },
  );
  return { accepted };
}

export function answersAreReadOrRefused(numRuns: number): void {
  fc.assert(
    fc.property(mutated, fc.array(mutation, { maxLength: 4 }), (sdp, mutations) => {
      const negotiation = aNegotiation(false);
      const mids = [negotiation.reserve('audio'), negotiation.reserve('video')] as const;
      negotiation.setSending(mids[0], anOutgoingTrack('audio', mids[0]));
      negotiation.setSending(mids[1], anOutgoingTrack('video', mids[1]));
      negotiation.createOffer();
      const broken = mutate(answerTo(mids), mutations);
      tried(() => negotiation.receiveAnswer(sdp));
      const answer = tried(() => negotiation.receiveAnswer(broken));
      if (answer?.connect) new TransportApi(ROUTER).connect(answer.connect);
      expect(negotiation.createOffer()).toMatch(OF_OURS);
    }),
    { numRuns },
  );
}

export function candidatesAreFineOrRefused(numRuns: number): void {
  const candidate = 'candidate:1 1 udp 2122194687 192.0.2.1 46513 typ host generation 0';
  fc.assert(
    fc.property(at, nasty, fc.string(), (word, text, any) => {
      tried(() => checkCandidate(replaceWord(candidate, word, text)));
      tried(() => checkCandidate(any));
    }),
    { numRuns },
  );
}

function aNegotiation(bothWays: boolean): Negotiation {
  return new Negotiation({ transport: TRANSPORT, routerRtpCapabilities: ROUTER, bothWays });
}

/** Does with an offer what a caller does, and sends something on every slot that has room for it. */
function take(negotiation: Negotiation, offer: OfferReceived, api: TransportApi): void {
  api.apply(offer);
  const sending = new Map(
    offer.slots.flatMap(({ mid, kind }) => {
      const produced = anOutgoingTrack(kind, mid).rtpParameters;
      const capabilities = negotiation.consumerCapabilities(mid);
      const rtpParameters = api.consume(kind, produced, capabilities);
      if (!rtpParameters) return [];
      const track = { kind, streamId: 'stream', trackId: mid };
      return [[mid, { ...track, rtpParameters: { ...rtpParameters, mid } }] as const];
    }),
  );
  const iceParameters = offer.iceRestart
    ? { usernameFragment: 'another', password: 'anotherpassword', iceLite: true }
    : undefined;
  expect(negotiation.answer({ iceParameters, sending })).toMatch(OF_OURS);
}

function answerTo([audio, video]: readonly [string, string]): string {
  return aDescription([
    {
      mid: audio,
      kind: 'audio',
      direction: 'recvonly',
      lines: ['a=rtpmap:100 opus/48000/2'],
    },
    {
      mid: video,
      kind: 'video',
      direction: 'recvonly',
      lines: ['a=rtpmap:101 VP8/90000'],
    },
  ]).replaceAll('actpass', 'active');
}
