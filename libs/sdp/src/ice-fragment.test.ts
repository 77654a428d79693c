import { describe, expect, it } from 'vitest';
import { readIceFragment, writeIceFragment } from './ice-fragment.js';

const CANDIDATE = 'candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0';
const TRICKLED = [
  'a=group:BUNDLE 0 1',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111',
  'a=mid:0',
  'a=ice-ufrag:EsAw',
  'a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1',
  `a=${CANDIDATE}`,
  'a=end-of-candidates',
].join('\r\n');

describe('a fragment about ICE', () => {
  it('is read', () => {
    expect(readIceFragment(TRICKLED)).toEqual({
      credentials: { usernameFragment: 'EsAw', password: 'P2uYro0UCOQ4zxjKXaWCBui1' },
      candidates: [CANDIDATE],
      group: 'BUNDLE 0 1',
      mLine: 'm=audio 9 UDP/TLS/RTP/SAVPF 111',
      mid: '0',
    });
  });

  it.each([
    ['credentials of the session', 'a=ice-ufrag:EsAw\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\n'],
    ['a candidate alone', `m=audio 9 X 0\r\na=${CANDIDATE}\r\n`],
    ['the end alone', 'a=end-of-candidates'],
  ])('may be %s', (_what, text) => {
    expect(() => readIceFragment(text)).not.toThrow();
  });

  it.each([
    ['nothing', ''],
    ['no word of ICE', 'a=mid:0\r\n'],
    ['half of the credentials', 'a=ice-ufrag:EsAw\r\n'],
    ['a malformed candidate', 'a=candidate:no\r\n'],
    ['no SDP', '{"candidate":""}'],
    ['too many candidates', `a=${CANDIDATE}\r\n`.repeat(101)],
    ['too much', `a=x:${'y'.repeat(200_000)}`],
  ])('with %s is refused', (_what, text) => {
    expect(() => readIceFragment(text)).toThrow(expect.objectContaining({ name: 'SdpError' }));
  });

  it('is answered in its own frame', () => {
    const ours = {
      usernameFragment: 'ours',
      password: 'aPasswordOfOursThatIsLong',
      iceLite: true,
    } as const;
    const address = { ip: '198.51.100.1', address: '198.51.100.1', port: 39_132 } as const;
    const candidate = { foundation: 'udp', priority: 1, protocol: 'udp', type: 'host' } as const;
    const text = writeIceFragment(ours, [{ ...candidate, ...address }], readIceFragment(TRICKLED));
    const lines = text.split('\r\n');
    expect(lines).toContain('m=audio 9 UDP/TLS/RTP/SAVPF 111');
    expect(lines).toContain('a=candidate:udp 1 udp 1 198.51.100.1 39132 typ host');
    expect(readIceFragment(text)).toMatchObject({ mid: '0', group: 'BUNDLE 0 1' });
  });
});
