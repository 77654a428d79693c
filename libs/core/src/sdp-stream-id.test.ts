import { expect, test } from 'vitest';
import fc from 'fast-check';
import { sdpStreamId } from './sdp-stream-id.js';

test('a stream is named room-participant-purpose, as it was typed', () => {
  const name = { room: 'Büro', participant: '@anna:example.org', purpose: 'm.usermedia' };
  expect(sdpStreamId(name)).toBe('Büro-@anna:example.org-m.usermedia');
});

test('no name ends the value inside its line', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (room) => {
      expect(sdpStreamId({ room, participant: 'a b', purpose: '\u2028' })).not.toMatch(/\s/u);
    }),
  );
});
