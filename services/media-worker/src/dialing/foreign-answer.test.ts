import { expect, test } from 'vitest';
import { foreignAnswer } from './foreign-answer.js';

const HEAD = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0'];
const DATA = ['m=application 9 UDP/DTLS/SCTP webrtc-datachannel', 'a=mid:0'];
const candidate = (address: string) => `a=candidate:1 1 UDP 2122260223 ${address} 4000 typ host`;

const sdpOf = (...lines: string[]) => `${lines.join('\r\n')}\r\n`;

test('an answer of what was offered is taken as it is', () => {
  const sdp = sdpOf(...HEAD, ...DATA, candidate('192.0.2.1'), candidate('2001:db8::1'));
  expect(foreignAnswer(sdp, 1)).toBe(sdp);
  expect(foreignAnswer(sdp.replaceAll('\r\n', '\n'), 1)).toBe(sdp);
});

test('names are left out of its candidates, and what is beyond a few', () => {
  const named = sdpOf(...HEAD, ...DATA, candidate('internal.example'), candidate('x.local'));
  expect(foreignAnswer(named, 1)).toBe(sdpOf(...HEAD, ...DATA));
  const many = Array.from({ length: 200 }, (_, index) => candidate(`192.0.2.${String(index)}`));
  expect(foreignAnswer(sdpOf(...HEAD, ...DATA, ...many), 1).match(/candidate/g)).toHaveLength(32);
});

test.each([
  ['nothing', ''],
  ['no SDP', '<!doctype html>'],
  ['no m-line', sdpOf(...HEAD)],
  ['more m-lines than were offered', sdpOf(...HEAD, ...DATA, ...DATA)],
  ['hundreds of them', sdpOf(...HEAD, ...Array.from({ length: 500 }, () => DATA).flat())],
  ['a line that is too long', sdpOf(...HEAD, ...DATA, `a=x:${'x'.repeat(5_000)}`)],
  ['too much', sdpOf(...HEAD, ...DATA, ...Array.from({ length: 9_000 }, () => 'a=ssrc:1'))],
])('%s is refused', (_, sdp) => {
  expect(() => foreignAnswer(sdp, 1)).toThrow('what the other server answers cannot be used');
});
