import { generateRouterRtpCapabilities } from 'mediasoup/ortc';
import { describe, expect, it } from 'vitest';
import { findRouterCodec, isTaken } from './codec-match.js';
import { isRtx, type Codec } from './codecs.js';
import { MEDIA_CODECS } from './fixtures.js';
import { parseFormatParameters } from './format-parameters.js';

const ROUTER = generateRouterRtpCapabilities([
  ...MEDIA_CODECS,
  { kind: 'video', mimeType: 'video/VP9', clockRate: 90_000, parameters: { 'profile-id': 2 } },
]);

function codec(mimeType: string, parameters: string): Codec {
  return {
    mimeType,
    payloadType: 96,
    clockRate: mimeType.startsWith('audio') ? 48_000 : 90_000,
    ...(mimeType === 'audio/opus' && { channels: 2 }),
    parameters: parseFormatParameters(parameters),
    rtcpFeedback: [],
  };
}

const matched = (mimeType: string, parameters: string) =>
  findRouterCodec(codec(mimeType, parameters), ROUTER)?.parameters;

describe('H.264, as RFC 6184 has it', () => {
  it.each([
    // profile_idc 66 with constraint_set1 is constrained baseline, whatever the level.
    ['profile-level-id=42e01f;packetization-mode=1', '42e01f'],
    ['profile-level-id=42e034;packetization-mode=1', '42e01f'],
    ['profile-level-id=42c00d;packetization-mode=1', '42e01f'],
    // So is main with constraint_set0.
    ['profile-level-id=4d8028;packetization-mode=1', '42e01f'],
    ['profile-level-id=42001f;packetization-mode=1', '42001f'],
    ['profile-level-id=4d0032;packetization-mode=1', '4d001f'],
    ['profile-level-id=64001f;packetization-mode=1', '640032'],
  ])('%s is our %s', (parameters, ours) => {
    expect(matched('video/H264', parameters)).toMatchObject({ 'profile-level-id': ours });
  });

  it.each([
    // Single-NAL mode is the default, which this router does not have.
    ['another packetization mode', 'profile-level-id=42e01f'],
    ['interleaved mode', 'profile-level-id=42e01f;packetization-mode=2'],
    ['constrained high, which is not high', 'profile-level-id=640c1f;packetization-mode=1'],
    ['4:4:4', 'profile-level-id=f4001f;packetization-mode=1'],
    ['what names no profile', 'profile-level-id=zzzzzz;packetization-mode=1'],
    ['what names no level', 'profile-level-id=42e0ff;packetization-mode=1'],
  ])('%s is none of ours', (_, parameters) => {
    expect(matched('video/H264', parameters)).toBeUndefined();
  });

  it('an answer may lower the level but not change how NAL units are packed', () => {
    const offered = codec('video/H264', 'profile-level-id=42e01f;packetization-mode=1');
    const answer = (parameters: string) => codec('video/H264', parameters);
    expect(isTaken(offered, answer('profile-level-id=42e00d;packetization-mode=1'))).toBe(true);
    expect(isTaken(offered, answer('profile-level-id=42e01f;packetization-mode=0'))).toBe(false);
    expect(isTaken(offered, answer('profile-level-id=42e01f'))).toBe(false);
    expect(isTaken(offered, codec('video/VP8', ''))).toBe(false);
  });
});

describe('profiles', () => {
  it.each([
    ['video/VP9', '', 0],
    ['video/VP9', 'profile-id=0', 0],
    ['video/VP9', 'profile-id=2', 2],
  ])('of %s: %s', (mimeType, parameters, profile) => {
    expect(matched(mimeType, parameters)).toMatchObject({ 'profile-id': profile });
  });

  it.each([
    ['video/VP9', 'profile-id=1'],
    ['video/VP9', 'profile-id=3'],
    ['video/AV1', 'profile=1'],
    ['video/AV1', 'profile=2'],
  ])('of %s that no router has: %s', (mimeType, parameters) => {
    expect(matched(mimeType, parameters)).toBeUndefined();
  });

  it('of AV1: main, said or not, at any level', () => {
    expect(matched('video/AV1', '')).toBeDefined();
    expect(matched('video/AV1', 'level-idx=5;profile=0;tier=0')).toBeDefined();
  });
});

it('Opus is Opus, whatever it is asked to send', () => {
  expect(matched('audio/opus', 'stereo=1;useinbandfec=1;usedtx=1')).toBeDefined();
});

it('only RTX is RTX', () => {
  expect(['rtx', 'RTX', 'video/rtx', 'video/RTX'].every(isRtx)).toBe(true);
  expect(['-rtx', 'xrtx', 'video/-rtx', 'video/rtxx'].some(isRtx)).toBe(false);
});

it.each(['audio/red', 'audio/CN', 'audio/telephone-event', 'video/ulpfec', 'video/rtx'])(
  '%s is declined',
  (mimeType) => expect(matched(mimeType, '')).toBeUndefined(),
);
