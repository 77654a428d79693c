import { generateRouterRtpCapabilities } from 'mediasoup/ortc';
import { describe, expect, it } from 'vitest';
import { MEDIA_CODECS } from './codecs.js';

describe('the codecs of a router', () => {
  const { codecs = [] } = generateRouterRtpCapabilities(MEDIA_CODECS);

  it('are all known to mediasoup, each with a payload type of its own', () => {
    const types = codecs.map((codec) => codec.preferredPayloadType);
    expect(new Set(types).size).toBe(types.length);
    expect(types.every((type) => type >= 50 && type <= 127)).toBe(true);
  });

  it('have numbers that clients do not use', () => {
    const [rtx, media] = [true, false].map((isRtx) =>
      codecs
        .filter(({ mimeType }) => !mimeType.endsWith('SILK') && mimeType.endsWith('/rtx') === isRtx)
        .map(({ preferredPayloadType }) => preferredPayloadType),
    );
    expect(media).toEqual(Array.from({ length: 11 }, (_, index) => 50 + index));
    expect(rtx).toEqual(Array.from({ length: 10 }, (_, index) => 112 + index));
  });

  it('repair every video codec by retransmission', () => {
    const video = codecs.filter(
      ({ kind, mimeType }) => kind === 'video' && !mimeType.includes('rtx'),
    );
    const repaired = codecs.filter(({ mimeType }) => mimeType.endsWith('/rtx'));
    expect(repaired.map(({ parameters }) => parameters?.['apt'])).toEqual(
      video.map(({ preferredPayloadType }) => preferredPayloadType),
    );
  });

  it.each(['audio/opus', 'video/VP8', 'video/VP9', 'video/H264', 'video/AV1'])(
    'have %s',
    (type) => {
      expect(codecs.some(({ mimeType }) => mimeType === type)).toBe(true);
    },
  );
});
