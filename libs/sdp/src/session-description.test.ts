import { describe, expect, it } from 'vitest';
import { SdpError, type SdpErrorCode } from './errors.js';
import { aDescription } from './fixtures.js';
import { DEFAULT_SDP_LIMITS } from './limits.js';
import { parseSessionDescription, sessionIdOf } from './session-description.js';

const GOOD = aDescription([{ mid: '0', kind: 'audio' }]);

function codeOf(sdp: string): SdpErrorCode | undefined {
  try {
    parseSessionDescription(sdp, DEFAULT_SDP_LIMITS);
    return undefined;
  } catch (error) {
    if (error instanceof SdpError) return error.code;
    throw error;
  }
}

describe('an SDP', () => {
  it('is read with CRLF, with LF, and with empty lines', () => {
    for (const sdp of [GOOD, GOOD.replaceAll('\r\n', '\n'), `${GOOD}\r\n\r\n`, GOOD.trimEnd()]) {
      const { sections, sessionId } = parseSessionDescription(sdp, DEFAULT_SDP_LIMITS);
      expect(sections[0]?.attributes.first('mid')).toBe('0');
      expect(sections[0]?.formats).toEqual(['111']);
      expect(sessionId).toBe('4611686018427387904');
    }
  });

  it('keeps unknown attributes out of the way', () => {
    expect(codeOf(`${GOOD}a=x-unknown:1 2 3\r\na=\r\na=:\r\nz=0 0\r\n`)).toBeUndefined();
  });

  it.each([
    ['nothing', ''],
    ['no version', GOOD.slice('v=0\r\n'.length)],
    ['no origin', GOOD.replace(/o=.*\r\n/, '')],
    ['an origin without numbers', GOOD.replace(/o=.*\r\n/, 'o=- x y IN IP4 0.0.0.0\r\n')],
    ['a line that is none', `${GOOD}hello\r\n`],
    ['a NUL', GOOD.replace('s=-', 's=\0')],
    ['a tab', GOOD.replace('s=-', 's=\t')],
    ['a lone carriage return', GOOD.replace('s=-', 's=-\ra=ice-lite')],
    ['a port beyond 65535', GOOD.replace('m=audio 9', 'm=audio 70000')],
    ['an m-line without protocol', GOOD.replace(/m=.*\r\n/, 'm=audio 9\r\n')],
  ])('with %s is malformed', (_what, sdp) => {
    expect(codeOf(sdp)).toBe('MALFORMED');
  });

  it.each([
    ['a line over 16 KiB', `${GOOD}a=x:${'x'.repeat(16 * 1024)}\r\n`],
    ['more than 128 KiB', `${GOOD}${'a=x:0123456789\r\n'.repeat(9000)}`],
    ['more bytes than characters', `${GOOD}${`a=x:${'\u{1F3A5}'.repeat(4000)}\r\n`.repeat(9)}`],
    ['thousands of m-lines', GOOD + 'm=audio 9 X 0\r\n'.repeat(5000)],
    ['hundreds of candidates', `${GOOD}${'a=candidate:x\r\n'.repeat(101)}`],
    ['hundreds of SSRC lines', `${GOOD}${'a=ssrc:1 cname:x\r\n'.repeat(401)}`],
    ['hundreds of payload types', `${GOOD}m=audio 9 X${' 1'.repeat(101)}\r\n`],
  ])('with %s is too large', (_what, sdp) => {
    expect(codeOf(sdp)).toBe('TOO_LARGE');
  });

  it('that is no string is malformed', () => {
    expect(codeOf(undefined as unknown as string)).toBe('MALFORMED');
    expect(codeOf({ length: 5 } as unknown as string)).toBe('MALFORMED');
  });
});

describe('the session id of an SDP', () => {
  it('is the one of its o= line', () => {
    expect(sessionIdOf(GOOD)).toBe('4611686018427387904');
  });

  it('is missing from what is no SDP', () => {
    expect(() => sessionIdOf('')).toThrow(SdpError);
    expect(() => sessionIdOf('m=audio 9 X 0\r\no=- 1 1 IN IP4 0.0.0.0')).toThrow(SdpError);
    expect(() => sessionIdOf(7 as unknown as string)).toThrow(SdpError);
  });
});
