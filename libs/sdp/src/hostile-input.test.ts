import { generateRouterRtpCapabilities } from 'mediasoup/ortc';
import { describe, expect, it } from 'vitest';
import { MEDIA_CODECS, SCTP_PARAMETERS, aTransport } from './fixtures.js';
import {
  answersAreReadOrRefused,
  candidatesAreFineOrRefused,
  offersAreReadOrRefused,
  tried,
} from './hostile-input.fixture.js';
import { OFFERS } from './mutations.fixture.js';
import { Negotiation } from './negotiation.js';

const ROUTER = generateRouterRtpCapabilities(MEDIA_CODECS);
const TRANSPORT = aTransport({ sctpParameters: SCTP_PARAMETERS });
/** Some of what test/fuzz.itest.ts does at length. */
const RUNS = 1_000;
const TIMEOUT_MS = 60_000;

describe('whatever a client sends', () => {
  it(
    'is either read, and then fit for mediasoup, or refused by an SdpError',
    () => {
      const { accepted } = offersAreReadOrRefused(RUNS);
      // Mutations that nothing survives would test little.
      expect(accepted).toBeGreaterThan(RUNS / 20);
    },
    TIMEOUT_MS,
  );

  it(
    'as an answer is either read or refused by an SdpError',
    () => answersAreReadOrRefused(RUNS),
    TIMEOUT_MS,
  );

  it('as a candidate is either fine or refused by an SdpError', () => {
    candidatesAreFineOrRefused(RUNS * 5);
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
        // Not the clock's: others may be using the machine.
        const before = process.threadCpuUsage();
        tried(() => negotiation.receiveOffer(sdp));
        const { user, system } = process.threadCpuUsage(before);
        return (user + system) / 1_000;
      });
      return Math.min(...runs);
    };
    timed(128 * 1024);
    // Sixteen times as much in well under sixteen times sixteen of the time.
    expect(timed(128 * 1024)).toBeLessThan(Math.max(timed(8 * 1024 + base.length), 0.2) * 64);
  });
});
