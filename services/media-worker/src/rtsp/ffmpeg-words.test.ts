import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { FfmpegWords } from './ffmpeg-words.js';

async function wordsOf(...chunks: readonly string[]): Promise<string> {
  const source = new PassThrough();
  const words = new FfmpegWords(source);
  for (const chunk of chunks) source.write(chunk);
  source.end();
  await new Promise((resolve) => source.once('end', resolve));
  return words.last;
}

test('of many lines the last three, each once, without who said them', async () => {
  const lines = ['first', '[rtp @ 0x55e7b2351d80] dimensions not set', 'again', 'again', 'Invalid'];
  expect(await wordsOf(lines.join('\n'), ' argument\r\n')).toBe(
    'dimensions not set; again; Invalid argument',
  );
});

test('neither addresses nor what no terminal shows', async () => {
  const said = await wordsOf('rtsp://ada:secret@127.0.0.1:9/x: Invalid \u001b[31mdata\u0000\n');
  expect(said).toBe('(address) Invalid [31mdata');
});

test('bounded', async () => {
  expect((await wordsOf('x'.repeat(100_000))).length).toBe(200);
  expect(await wordsOf()).toBe('');
});
