import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readDescription } from './camera-description.js';
import { carriedProfile } from './h264-profile.js';

const CAMERA = [
  'v=0',
  'o=- 1 1 IN IP4 10.0.0.7',
  's=Media',
  'a=control:*',
  'm=video 0 RTP/AVP 96',
  'a=rtpmap:96 H264/90000',
  'a=fmtp:96 packetization-mode=1;profile-level-id=420029;sprop-parameter-sets=Z00AKZY1QPAET8s3AQEBQAAA+gAAMNQB,aO4xsg==',
  'a=control:trackID=1',
  'm=audio 0 RTP/AVP 8',
  'a=control:trackID=2',
  'm=application 0 RTP/AVP 107',
  'a=rtpmap:107 vnd.onvif.metadata/90000',
];

test('the video and the audio of a camera are read, and what the stream itself says of its profile', () => {
  expect(readDescription(CAMERA.join('\r\n'))).toEqual({
    control: '*',
    tracks: [
      {
        kind: 'video',
        payloadType: 96,
        encoding: 'H264/90000',
        formatParameters: CAMERA[6]?.slice('a=fmtp:96 '.length),
        control: 'trackID=1',
        profileLevelId: '4d0029',
      },
      {
        kind: 'audio',
        payloadType: 8,
        encoding: 'PCMA/8000/1',
        formatParameters: undefined,
        control: 'trackID=2',
        profileLevelId: undefined,
      },
    ],
  });
});

test('what cannot be carried is left out', () => {
  const h265 = CAMERA.map((line) => line.replace('H264', 'H265'));
  expect(readDescription(h265.join('\n')).tracks.map(({ kind }) => kind)).toEqual(['audio']);
  const neither = h265.filter((line) => !line.startsWith('m=audio'));
  expect(() => readDescription(neither.join('\n'))).toThrow(
    expect.objectContaining({ kind: 'noMedia' }),
  );
});

test('any text is read or refused', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...CAMERA, 'm=', 'a=rtpmap:96 x', 'm=video x y z', '')),
      (lines) => {
        try {
          readDescription(lines.join('\r\n'));
        } catch (error) {
          expect(['malformed', 'noMedia']).toContain((error as { kind?: string }).kind);
        }
      },
    ),
  );
});

test.each(['42c01e', '42001f', '4d0029', '640028', '64000c', undefined])(
  '%s is carried as what every browser takes',
  (profile) => {
    expect(carriedProfile(profile)).toBe('42e01f');
  },
);

test.each(['6e0028', '7a0028', 'f40028', '580028', 'zzzzzz'])('%s is refused', (profile) => {
  expect(() => carriedProfile(profile)).toThrow(expect.objectContaining({ kind: 'profile' }));
});
