import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SluiceError } from '@sluice/core';
import { decodeUmbrella, encodeUmbrella } from './umbrella.js';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

test('the wire is that of Umbrella', () => {
  // upstreamTracks { tracks { id: "t", kind: Video, streamId: "s", umbrellaId: "U" } }
  const frame = hex('22 0d 0a 0b 0a 01 74 10 02 1a 01 73 22 01 55');
  const track = { id: 't', kind: 'video', streamId: 's', umbrellaId: 'U', path: [] } as const;
  expect(decodeUmbrella(frame)).toEqual({ upstreamTracks: [track] });
  expect(Buffer.from(encodeUmbrella({ upstreamTracks: [track] }))).toEqual(frame);
  // candidate { candidate: "{}", incoming: true }, answer { answer: "{}" }
  expect(decodeUmbrella(hex('0a 06 0a 02 7b 7d 10 01 1a 04 0a 02 7b 7d'))).toEqual({
    candidate: { candidate: '{}', incoming: true },
    answer: '{}',
  });
  // midMappings { mapping { umbrellaId: "U", mid: "1" } }
  expect(Buffer.from(encodeUmbrella({ midMappings: [{ umbrellaId: 'U', mid: '1' }] }))).toEqual(
    hex('32 08 0a 06 0a 01 55 12 01 31'),
  );
});

test('what only clusters of ours say survives the way', () => {
  const path = ['AAAAAAAA', 'b-_45678'];
  const track = { id: 't', kind: 'audio', streamId: 's', umbrellaId: 'U', path } as const;
  const message = { acceptTracks: [track], hello: { clusterId: 'AAAAAAAA' } };
  expect(decodeUmbrella(encodeUmbrella(message))).toEqual(message);
});

test('tracks that could not be named are not there', () => {
  const tracks = ['', 'x'.repeat(65), 'a b', 'good'].map(
    (umbrellaId) => ({ id: 't', kind: 'audio', streamId: 's', umbrellaId, path: [] }) as const,
  );
  expect(decodeUmbrella(encodeUmbrella({ upstreamTracks: tracks })).upstreamTracks).toEqual([
    tracks[3],
  ]);
  const many = Array.from({ length: 129 }, () => tracks[3]!);
  expect(() => decodeUmbrella(encodeUmbrella({ upstreamTracks: many }))).toThrow(SluiceError);
});

test('whatever comes is read or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (frame) => {
      try {
        decodeUmbrella(frame);
      } catch (error) {
        expect(error).toBeInstanceOf(SluiceError);
      }
    }),
    { numRuns: 2_000 },
  );
});
