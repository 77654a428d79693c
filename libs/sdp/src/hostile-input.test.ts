import { readFileSync, readdirSync } from 'node:fs';
import fc from 'fast-check';
import {
  generateRouterRtpCapabilities,
  getProducerRtpParametersMapping,
  validateAndNormalizeRtpParameters,
} from 'mediasoup/ortc';
import { describe, expect, it } from 'vitest';
import { checkCandidate } from './candidates.js';
import { SdpError } from './errors.js';
import {
  MEDIA_CODECS,
  SCTP_PARAMETERS,
  aDescription,
  aTransport,
  anOutgoingTrack,
} from './fixtures.js';
import { Negotiation } from './negotiation.js';
import { numberingOf } from './numbering.js';
import { sessionIdOf } from './session-description.js';
import { slotsOf } from './slot.js';

const CORPUS = new URL('../test/corpus/', import.meta.url);
const OFFERS = readdirSync(CORPUS).map((name) => readFileSync(new URL(name, CORPUS), 'utf8'));
const ROUTER = generateRouterRtpCapabilities(MEDIA_CODECS);
const TRANSPORT = aTransport({ sctpParameters: SCTP_PARAMETERS });
const RUNS = 10_000;
const TIMEOUT_MS = 180_000;

/** Values that have hurt parsers before. */
const NASTY = [
  '',
  '0',
  '-1',
  '127',
  '128',
  '255',
  '4294967295',
  '4294967296',
  '99999999999999999999',
  '1e999',
  'NaN',
  'Infinity',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  '*',
  '~',
  ';',
  '=',
  ' ',
  '\0',
  '\t',
  '\r',
  '\u{1F3A5}',
  '\ud800',
  '%s%n',
  'a'.repeat(300),
];

const nasty = fc.oneof(fc.constantFrom(...NASTY), fc.string({ maxLength: 20 }));

type Mutation = (lines: string[]) => string[];

const at = fc.nat({ max: 400 });

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  at.map(
    (index): Mutation =>
      (lines) =>
        lines.toSpliced(index % lines.length, 1),
  ),
  fc.tuple(at, at).map(
    ([from, to]): Mutation =>
      (lines) =>
        lines.toSpliced(to % lines.length, 0, lines[from % lines.length] ?? ''),
  ),
  fc.tuple(at, nasty).map(
    ([index, text]): Mutation =>
      (lines) =>
        lines.toSpliced(index % lines.length, 0, `a=${text}`),
  ),
  // One word of a line becomes another.
  fc.tuple(at, at, nasty).map(
    ([index, word, text]): Mutation =>
      (lines) =>
        lines.with(
          index % lines.length,
          replaceWord(lines[index % lines.length] ?? '', word, text),
        ),
  ),
  // One character of a line becomes another.
  fc
    .tuple(at, at, fc.string({ minLength: 0, maxLength: 2 }))
    .map(([index, char, text]): Mutation => (lines) => {
      const line = lines[index % lines.length] ?? '';
      const where = char % (line.length + 1);
      return lines.with(index % lines.length, line.slice(0, where) + text + line.slice(where + 1));
    }),
  at.map(
    (index): Mutation =>
      (lines) =>
        lines.slice(0, index),
  ),
);

function replaceWord(line: string, word: number, text: string): string {
  const words = line.split(/([ :;=,/])/);
  return words.with(word % words.length, text).join('');
}

const mutated = fc
  .tuple(fc.constantFrom(...OFFERS), fc.array(mutation, { minLength: 1, maxLength: 6 }))
  .map(([offer, mutations]) =>
    mutations
      .reduce((lines, mutate) => (lines.length > 0 ? mutate(lines) : lines), offer.split('\r\n'))
      .join('\r\n'),
  );

/** Runs what may fail by an SdpError and in no other way. */
function tried<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof SdpError) return undefined;
    throw error;
  }
}

describe('whatever a client sends', () => {
  it(
    'is either read, and then fit for mediasoup, or refused by an SdpError',
    () => {
      let accepted = 0;
      fc.assert(
        fc.property(mutated, fc.boolean(), (sdp, bothWays) => {
          const negotiation = new Negotiation({
            transport: TRANSPORT,
            routerRtpCapabilities: ROUTER,
            bothWays,
          });
          const offer = tried(() => negotiation.receiveOffer(sdp));
          tried(() => numberingOf(slotsOf(sdp)));
          tried(() => sessionIdOf(sdp));
          if (!offer) return;
          accepted += 1;
          for (const { rtpParameters } of offer.added) {
            const parameters = structuredClone(rtpParameters);
            validateAndNormalizeRtpParameters(parameters);
            getProducerRtpParametersMapping(parameters, ROUTER);
          }
          const answer = negotiation.answer();
          // What we write can be read, and nothing of the client's broke out of its line.
          expect(answer).toMatch(/^(?:[a-z]=[ -~]*\r\n)+$/);
          expect(negotiation.continues(sdp)).toBe(offer.connect !== undefined);
          const again = tried(() => negotiation.receiveOffer(sdp));
          if (again) expect(again.added.map(({ mid }) => mid)).toEqual([]);
        }),
        { numRuns: RUNS },
      );
      // Mutations that nothing survives would test little.
      expect(accepted).toBeGreaterThan(RUNS / 20);
    },
    TIMEOUT_MS,
  );

  it(
    'as an answer is either read or refused by an SdpError',
    () => {
      fc.assert(
        fc.property(mutated, fc.array(mutation, { maxLength: 4 }), (sdp, mutations) => {
          const negotiation = new Negotiation({
            transport: TRANSPORT,
            routerRtpCapabilities: ROUTER,
          });
          const mids = [negotiation.reserve('audio'), negotiation.reserve('video')] as const;
          negotiation.setSending(mids[0], anOutgoingTrack('audio', mids[0]));
          negotiation.setSending(mids[1], anOutgoingTrack('video', mids[1]));
          negotiation.createOffer();
          const answer = aDescription([
            {
              mid: mids[0],
              kind: 'audio',
              direction: 'recvonly',
              lines: ['a=rtpmap:100 opus/48000/2'],
            },
            {
              mid: mids[1],
              kind: 'video',
              direction: 'recvonly',
              lines: ['a=rtpmap:101 VP8/90000'],
            },
          ]).replaceAll('actpass', 'active');
          const lines = mutations.reduce(
            (all, mutate) => (all.length > 0 ? mutate(all) : all),
            answer.split('\r\n'),
          );
          tried(() => negotiation.receiveAnswer(sdp));
          tried(() => negotiation.receiveAnswer(lines.join('\r\n')));
          negotiation.createOffer();
        }),
        { numRuns: RUNS },
      );
    },
    TIMEOUT_MS,
  );

  it('as a candidate is either fine or refused by an SdpError', () => {
    const candidate = 'candidate:1 1 udp 2122194687 192.0.2.1 46513 typ host generation 0';
    fc.assert(
      fc.property(at, nasty, fc.string(), (word, text, any) => {
        tried(() => checkCandidate(replaceWord(candidate, word, text)));
        tried(() => checkCandidate(any));
      }),
      { numRuns: 20_000 },
    );
  });
});

describe('an SDP of 128 KiB', () => {
  const base = OFFERS.find((offer) => offer.includes('m=video') && offer.includes('a=rid:')) ?? '';
  const shapes: Readonly<Record<string, string>> = {
    'unknown attributes': 'a=x\r\n',
    'rtcp-fb lines': 'a=rtcp-fb:96 nack pli\r\n',
    'fmtp lines': `a=fmtp:96 ${'a=b;'.repeat(60)}\r\n`,
    'simulcast lists': `a=simulcast:send ${'l;m;h;~l,m;'.repeat(90)}l\r\n`,
    blanks: `a=${' '.repeat(900)}\r\n`,
    'SSRC groups': `a=ssrc-group:FID ${'1 2 '.repeat(200)}3\r\n`,
  };

  it.each(Object.keys(shapes))('of %s takes time in proportion to its size', (shape) => {
    const line = shapes[shape] ?? '';
    const timed = (bytes: number): number => {
      const sdp = base + line.repeat(Math.floor((bytes - base.length) / line.length));
      const runs = Array.from({ length: 7 }, () => {
        const negotiation = new Negotiation({
          transport: TRANSPORT,
          routerRtpCapabilities: ROUTER,
        });
        const start = performance.now();
        tried(() => negotiation.receiveOffer(sdp));
        return performance.now() - start;
      });
      return Math.min(...runs);
    };
    timed(128 * 1024);
    // Sixteen times as much in well under sixteen times sixteen of the time.
    expect(timed(128 * 1024)).toBeLessThan(Math.max(timed(8 * 1024 + base.length), 0.2) * 64);
  });
});
