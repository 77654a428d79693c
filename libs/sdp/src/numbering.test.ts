import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { generateRouterRtpCapabilities } from 'mediasoup/ortc';
import { describe, expect, it } from 'vitest';
import type { RtpCodecCapability } from './dictionaries.js';
import { numberingOf } from './numbering.js';
import type { OfferedSlot } from './negotiation-types.js';
import { slotsOf } from './slot.js';

const CORPUS = new URL('../test/corpus/', import.meta.url);

function offered(name: string): OfferedSlot[] {
  return slotsOf(readFileSync(new URL(`${name}.sdp`, CORPUS), 'utf8'));
}

/** Payload types by codec as mediasoup itself hands them out: media and RTX. */
function numbersOf(slots: readonly OfferedSlot[]): Map<number, number | undefined> {
  const { codecs = [] } = generateRouterRtpCapabilities(numberingOf(slots).mediaCodecs);
  const rtx = new Map(
    codecs.map((codec) => [codec.parameters?.['apt'], codec.preferredPayloadType]),
  );
  return new Map(
    codecs
      .filter((codec) => !/rtx|silk/i.test(codec.mimeType))
      .map(({ preferredPayloadType }) => [preferredPayloadType, rtx.get(preferredPayloadType)]),
  );
}

describe('a router in a client’s numbering', () => {
  it('has Chromium’s payload types, and its RTX where mediasoup can be led to it', () => {
    const numbers = numbersOf(offered('chromium-recvonly'));
    expect(numbers.get(111)).toBeUndefined();
    expect([96, 98, 100, 102, 108].map((payloadType) => numbers.get(payloadType))).toEqual([
      97, 99, 101, 103, 109,
    ]);
    expect(numbers.has(45), 'AV1 is there, though its RTX is out of reach').toBe(true);
    expect(numbers.get(45)).not.toBe(46);
  });

  it('has the payload types of a Pion client', () => {
    const numbers = numbersOf(offered('pion-shape-recvonly'));
    expect([96, 98, 102].map((payloadType) => numbers.get(payloadType))).toEqual([97, 99, 103]);
  });

  it('is shared by clients that number alike, whatever they prefer', () => {
    const [audio, video] = offered('chromium-recvonly');
    if (!audio || !video) throw new Error('two slots are offered');
    const codecs = video.rtpCapabilities.codecs ?? [];
    const reversed = { ...video, rtpCapabilities: { codecs: codecs.toReversed() } };
    expect(numberingOf([reversed, audio]).key).toBe(numberingOf([audio, video]).key);
    expect(numberingOf([audio]).key).not.toBe(numberingOf([video]).key);
  });

  it('can be made of any numbering, and gives each codec its number', () => {
    const payloadType = fc.integer({ min: 35, max: 127 }).filter((type) => type < 64 || type > 95);
    fc.assert(
      fc.property(
        fc.uniqueArray(payloadType, { minLength: 1, maxLength: 24 }),
        fc.integer({ min: 0, max: 12 }),
        (payloadTypes, videos) => {
          const codecs = codecsOf(payloadTypes, videos);
          const slot: OfferedSlot = { mid: '0', kind: 'video', rtpCapabilities: { codecs } };
          const numbers = numbersOf([slot]);
          const media = codecs.filter(({ mimeType }) => !mimeType.endsWith('rtx'));
          const there = media.filter((codec) => numbers.has(codec.preferredPayloadType));
          const videoTypes = media
            .filter(({ kind }) => kind === 'video')
            .map(({ preferredPayloadType }) => preferredPayloadType);
          // Next to each other in mediasoup's order, once audio has taken its numbers.
          const audioTypes = media
            .filter(({ kind }) => kind === 'audio')
            .map(({ preferredPayloadType }) => preferredPayloadType);
          const order = MEDIASOUP_ORDER.filter((type) => !audioTypes.includes(type));
          const adjacent = videoTypes.filter((type) => {
            const at = order.indexOf(type);
            return at >= 0 && videoTypes.includes(order[at + 1] ?? -1);
          });
          expect(there.length).toBeGreaterThanOrEqual(media.length - adjacent.length);
          const first = codecs.find(({ mimeType }) => mimeType.endsWith('rtx'));
          // With one video codec nothing stands in the way of its RTX but mediasoup's range.
          if (
            videos === 1 &&
            first &&
            first.preferredPayloadType >= 96 &&
            payloadTypes.length === 2
          ) {
            expect(numbers.get(Number(first.parameters?.['apt']))).toBe(first.preferredPayloadType);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

const MEDIASOUP_ORDER = Array.from({ length: 32 }, (_, index) => 96 + ((index + 4) % 32));

/** The first payload types go to video codecs with their RTX, the others to audio. */
function codecsOf(payloadTypes: readonly number[], videos: number): RtpCodecCapability[] {
  return payloadTypes.map((preferredPayloadType, index): RtpCodecCapability => {
    const isVideo = index < videos * 2 && index + (index % 2 === 0 ? 1 : 0) < payloadTypes.length;
    if (!isVideo) {
      return { kind: 'audio', mimeType: 'audio/PCMU', preferredPayloadType, clockRate: 8000 };
    }
    return index % 2 === 0
      ? { kind: 'video', mimeType: 'video/VP8', preferredPayloadType, clockRate: 90_000 }
      : {
          kind: 'video',
          mimeType: 'video/rtx',
          preferredPayloadType,
          clockRate: 90_000,
          parameters: { apt: payloadTypes[index - 1] },
        };
  });
}
