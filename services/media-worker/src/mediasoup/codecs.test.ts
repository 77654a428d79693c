import { generateRouterRtpCapabilities } from 'mediasoup/ortc';
import { describe, expect, it } from 'vitest';
import { MEDIA_CODECS } from './codecs.js';

describe('the codecs of a router', () => {
  const { codecs = [] } = generateRouterRtpCapabilities(MEDIA_CODECS);

  it('are all known to mediasoup, each with a payload type of its own', () => {
    const types = codecs.map((codec) => codec.preferredPayloadType);
    expect(new Set(types).size).toBe(types.length);
    expect(types.every((type) => type >= 96 && type <= 127)).toBe(true);
  });

  it('leave their numbers to Chromium’s and Firefox’s Opus, VP8 and VP9', () => {
    const ours = codecs.filter(({ mimeType }) => !mimeType.endsWith('SILK'));
    const theirs = [111, 96, 97, 98, 99, 109, 120, 124, 121];
    const types = ours.map(({ preferredPayloadType }) => preferredPayloadType);
    expect(types.filter((type) => theirs.includes(type))).toEqual([]);
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
