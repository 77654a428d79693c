import { expect, test } from 'vitest';
import { SecretBox, ingestUrls } from './secret-box.js';

const SECRET = 'a cluster secret of thirty-two characters';
const url = 'rtsp://ada:s3cret@camera.example/stream';

test('what was closed can be opened by whoever has the secret, and shows nothing of itself', () => {
  const closed = ingestUrls(SECRET).close(url);
  expect(ingestUrls(SECRET).open(closed)).toBe(url);
  expect(Buffer.from(closed, 'base64url').toString('latin1')).not.toContain('s3cret');
  expect(ingestUrls(SECRET).close(url)).not.toBe(closed);
});

test.each([
  ['another secret', (closed: string) => ingestUrls(`${SECRET}!`).open(closed)],
  ['another purpose', (closed: string) => new SecretBox('else', SECRET).open(closed)],
  ['a changed byte', (closed: string) => ingestUrls(SECRET).open(`A${closed.slice(1)}B`)],
  ['a part of it', (closed: string) => ingestUrls(SECRET).open(closed.slice(0, 12))],
  ['nothing', () => ingestUrls(SECRET).open('')],
])('%s does not open it', (_case, open) => {
  expect(() => open(ingestUrls(SECRET).close(url))).toThrow(
    expect.objectContaining({ code: 'UNAUTHENTICATED' }),
  );
});
