import { expect, test } from 'vitest';
import { sentTracks, sessionIdOf, withOpusPreferences } from './sdp.js';

const OFFER = [
  'v=0',
  'o=sluice 8154270293 3 IN IP4 0.0.0.0',
  's=-',
  't=0 0',
  'a=msid-semantic: WMS *',
  'm=audio 9 UDP/TLS/RTP/SAVPF 100',
  'a=mid:0',
  'a=sendonly',
  'a=msid:demo-alice-m.usermedia audio',
  'a=rtpmap:100 opus/48000/2',
  'a=fmtp:100 minptime=10;usedtx=0',
  'm=video 9 UDP/TLS/RTP/SAVPF 101',
  'a=mid:1',
  'a=msid:demo-alice-m.usermedia video',
  'a=sendonly',
  'm=video 0 UDP/TLS/RTP/SAVPF 101',
  'a=mid:2',
  'a=msid:demo-bob-m.usermedia video',
  'a=inactive',
  '',
].join('\r\n');

test('the session id is the second word of the o= line', () => {
  expect(sessionIdOf(OFFER)).toBe('8154270293');
  expect(sessionIdOf('v=0\r\n')).toBeUndefined();
});

test('only m-lines on which something is sent name tracks', () => {
  expect(sentTracks(OFFER)).toEqual([
    { mid: '0', streamId: 'demo-alice-m.usermedia' },
    { mid: '1', streamId: 'demo-alice-m.usermedia' },
  ]);
});

test('Opus parameters are set once and the others stay', () => {
  const once = withOpusPreferences(OFFER);
  expect(once).toContain('a=fmtp:100 minptime=10;useinbandfec=1;usedtx=1\r\n');
  expect(withOpusPreferences(once)).toBe(once);
  expect(once.split('\r\n')).toHaveLength(OFFER.split('\r\n').length);
});

test('an Opus m-line without parameters gets them', () => {
  const bare = OFFER.replace('a=fmtp:100 minptime=10;usedtx=0\r\n', '');
  expect(withOpusPreferences(bare)).toContain(
    'a=rtpmap:100 opus/48000/2\r\na=fmtp:100 useinbandfec=1;usedtx=1\r\n',
  );
});

test('an SDP without Opus is left as it is', () => {
  const video = OFFER.replace('opus/48000/2', 'PCMU/8000');
  expect(withOpusPreferences(video)).toBe(video);
});
