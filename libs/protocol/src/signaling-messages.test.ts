import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseSignalingMessage, writeSignalingMessage } from './signaling-messages.js';

test('what a client leaves out is empty', () => {
  expect(parseSignalingMessage('{"event":"subscribe","id":"A","sdp":"v=0"}')).toEqual({
    kind: 'message',
    message: {
      event: 'subscribe',
      id: 'A',
      callId: '',
      deviceId: '',
      purpose: '',
      sdp: 'v=0',
      error: '',
      foci: [],
    },
  });
});

test('what an error says is text of some length, whatever came', () => {
  const errorOf = (message: unknown) => {
    const parsed = parseSignalingMessage(JSON.stringify({ event: 'error', message }));
    return parsed.kind === 'message' ? parsed.message.error : parsed;
  };
  expect(errorOf('No Such Stream')).toBe('No Such Stream');
  expect(errorOf({ not: 'text' })).toBe('');
  expect(errorOf('x'.repeat(5_000))).toHaveLength(200);
});

test('a number may be an id, and foci one or several', () => {
  const parse = (extra: object) => {
    const parsed = parseSignalingMessage(JSON.stringify({ event: 'publish', ...extra }));
    return parsed.kind === 'message' ? parsed.message : parsed;
  };
  expect(parse({ id: 7, foci: 'a:1' })).toMatchObject({ id: '7', foci: ['a:1'] });
  expect(parse({ foci: ['a:1', '', 'b:2'] })).toMatchObject({ foci: ['a:1', 'b:2'] });
  expect(parse({ foci: '' })).toMatchObject({ foci: [] });
});

test('every key is written, and message in errors alone', () => {
  const message = {
    event: 'publish' as const,
    id: '1',
    callId: 'c',
    deviceId: 'd',
    purpose: 'p',
    sdp: '',
  };
  expect(JSON.parse(writeSignalingMessage(message))).toEqual({
    event: 'publish',
    id: '1',
    call_id: 'c',
    device_id: 'd',
    purpose: 'p',
    sdp: '',
  });
  expect(writeSignalingMessage({ ...message, event: 'error', message: 'no' })).toContain(
    '"message":"no"',
  );
});

test.each([
  ['not JSON', 'the message is not JSON'],
  ['[]', 'the message is malformed'],
  ['{"event":"dance"}', 'event is malformed'],
  ['{"event":"publish","sdp":7}', 'sdp is malformed'],
  [`{"event":"publish","call_id":"${'x'.repeat(129)}"}`, 'call_id is malformed'],
  ['['.repeat(100), 'the message is nested too deeply'],
  ['x'.repeat(300_000), 'the message is too large'],
])('%.40s is refused', (raw, explanation) => {
  expect(parseSignalingMessage(raw)).toEqual({ kind: 'mistake', explanation });
});

test('nothing makes it throw', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (raw) => {
      expect(['message', 'mistake']).toContain(parseSignalingMessage(raw).kind);
    }),
  );
});
