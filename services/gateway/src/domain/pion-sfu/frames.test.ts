import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SluiceError } from '@sluice/core';
import { parsePionFrame, pionFrame } from './frames.js';

const ids = { self_id: 'ann', room_id: 'blue' };

test('frames are read, with data as an object or as JSON text', () => {
  const data = { ...ids, offer: { type: 'offer', sdp: 'v=0' } };
  const read = { event: 'offer', data };
  expect(parsePionFrame(JSON.stringify(read))).toEqual(read);
  expect(parsePionFrame(JSON.stringify({ event: 'offer', data: JSON.stringify(data) }))).toEqual(
    read,
  );
});

test('an answer and a candidate need no ids', () => {
  const answer = { event: 'answer', data: { answer: { type: 'answer', sdp: 'v=0' } } };
  expect(parsePionFrame(JSON.stringify(answer))).toEqual(answer);
  const init = { candidate: '', sdpMid: '0', sdpMLineIndex: 0, usernameFragment: 'x' };
  const trickled = { event: 'ice-candidate', data: { self_id: null, candidate: init } };
  expect(parsePionFrame(JSON.stringify(trickled)).data).toMatchObject({
    candidate: { candidate: '' },
  });
});

test('data that the server sends is JSON text', () => {
  expect(JSON.parse(pionFrame('answer', { type: 'answer', sdp: 'x' }))).toEqual({
    event: 'answer',
    data: '{"type":"answer","sdp":"x"}',
  });
});

test.each([
  ['hello', 'frame is not JSON'],
  ['null', 'frame is malformed'],
  ['[]', 'frame is malformed'],
  ['{"event":"dance","data":{}}', 'unknown event'],
  ['{"event":"constructor"}', 'unknown event'],
  ['{"event":"joinRoom"}', 'data is malformed'],
  ['{"event":"joinRoom","data":{"self_id":7,"room_id":"blue"}}', 'data.self_id is malformed'],
  ['{"event":"joinRoom","data":{"self_id":"ann"}}', 'data.room_id is malformed'],
  ['{"event":"joinRoom","data":"{"}', 'frame is not JSON'],
  [
    '{"event":"offer","data":{"offer":{"type":"answer","sdp":"x"}}}',
    'data.offer.type is malformed',
  ],
  [`{"event":${'['.repeat(100)}${']'.repeat(100)}}`, 'frame is nested too deeply'],
])('%s is refused: %s', (frame, explanation) => {
  expect(() => parsePionFrame(frame)).toThrow(explanation);
});

test('whatever comes is read or refused, and never quoted', () => {
  const events = ['joinRoom', 'leaveRoom', 'offer', 'answer', 'ice-candidate'];
  const frame = fc.record({ event: fc.constantFrom(...events), data: fc.jsonValue() });
  fc.assert(
    fc.property(frame, (value) => {
      try {
        expect(events).toContain(parsePionFrame(JSON.stringify(value)).event);
      } catch (error) {
        expect(error).toBeInstanceOf(SluiceError);
      }
    }),
  );
});
