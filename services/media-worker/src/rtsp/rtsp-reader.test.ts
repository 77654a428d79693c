import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RtspReader, headerOf } from './rtsp-reader.js';

const RESPONSE =
  'RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 5\r\nWWW-A: a\r\nwww-a: b\r\n\r\nhello';
const FRAME = Buffer.from([0x24, 3, 0, 4, 1, 2, 3, 4]);

function read(chunks: readonly Buffer[]): string[] {
  const heard: string[] = [];
  const reader = new RtspReader({
    onMessage: (message) => {
      const all = message.headers.get('www-a')?.join('+') ?? '';
      heard.push([message.startLine, headerOf(message, 'cseq'), all, message.body].join('|'));
    },
    onFrame: ({ channel, payload }) => heard.push(`${String(channel)}:${payload.toString('hex')}`),
  });
  for (const chunk of chunks) reader.read(chunk);
  return heard;
}

test('messages and frames come out whole and in order, however they are cut', () => {
  const all = Buffer.concat([Buffer.from(RESPONSE), FRAME, Buffer.from('\r\n'), FRAME]);
  fc.assert(
    fc.property(fc.array(fc.nat({ max: all.length }), { maxLength: 8 }), (cuts) => {
      const edges = [0, ...cuts.sort((a, b) => a - b), all.length];
      const chunks = edges.slice(1).map((end, index) => all.subarray(edges[index], end));
      expect(read(chunks)).toEqual(['RTSP/1.0 200 OK|2|a+b|hello', '3:01020304', '3:01020304']);
    }),
  );
});

test.each([
  ['a header without end', 'x'.repeat(20_000)],
  ['too many headers', `RTSP/1.0 200 OK\r\n${'A: b\r\n'.repeat(100)}\r\n`],
  ['a header without a name', 'RTSP/1.0 200 OK\r\nnonsense\r\n\r\n'],
  ['a length that is none', 'RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n'],
  ['a body that is too long', 'RTSP/1.0 200 OK\r\nContent-Length: 999999\r\n\r\n'],
])('%s is refused', (_case, text) => {
  expect(() => read([Buffer.from(text)])).toThrow(expect.objectContaining({ kind: 'malformed' }));
});

test('any bytes are read or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        read([Buffer.from(bytes)]);
      } catch (error) {
        expect(error).toMatchObject({ kind: 'malformed' });
      }
    }),
  );
});
