import type { Readable } from 'node:stream';

const KEPT_CHARACTERS = 2_048;
const TOLD_LINES = 3;
const TOLD_CHARACTERS = 200;

/** The last that an ffmpeg wrote about its troubles, as it may be shown to whoever sees the ingest. */
export class FfmpegWords {
  #text = '';

  constructor(source: Readable) {
    source.setEncoding('latin1');
    source.on('data', (text: string) => {
      this.#text = (this.#text + text).slice(-KEPT_CHARACTERS);
    });
    source.on('error', () => undefined);
  }

  /** Its last lines: the cause, and what came of it. Empty when it said nothing. */
  get last(): string {
    const lines = this.#text.split(/[\r\n]+/).map(presentable);
    const told = [...new Set(lines.filter((line) => line !== ''))].slice(-TOLD_LINES);
    return told.join('; ').slice(0, TOLD_CHARACTERS);
  }
}

/** Without who said it, where in memory, and any address. */
function presentable(line: string): string {
  return line
    .replace(/\[[^\]]{1,64} @ 0x[\da-f]+\]\s*/gi, '')
    .replace(/[a-z]+:\/\/\S+/gi, '(address)')
    .replace(/[^\x21-\x7e]+/g, ' ')
    .trim();
}
