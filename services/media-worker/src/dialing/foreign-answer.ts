import { isIP } from 'node:net';
import { SluiceError } from '@sluice/core';

const ANSWER_MAX_CHARACTERS = 64 * 1024;
const LINE_MAX_CHARACTERS = 4 * 1024;
const CANDIDATES_MAX = 32;

/**
 * Another server's answer as an ICE agent may have it: of the m-lines that were offered alone, and of
 * its candidates those that are addresses, since an agent would look names up.
 *
 * @throws {SluiceError} UNAVAILABLE
 */
export function foreignAnswer(sdp: string, mLinesOffered: number): string {
  if (sdp.length > ANSWER_MAX_CHARACTERS) throw unusable();
  const lines = sdp.split(/\r?\n/).filter((line) => line !== '');
  const mLines = lines.filter((line) => line.startsWith('m=')).length;
  const plausible = lines[0] === 'v=0' && mLines > 0 && mLines <= mLinesOffered;
  if (!plausible || lines.some((line) => line.length > LINE_MAX_CHARACTERS)) throw unusable();
  let candidates = 0;
  const kept = lines.filter((line) => {
    if (!line.startsWith('a=candidate:')) return true;
    const address = line.split(' ')[4] ?? '';
    if (isIP(address) === 0) return false;
    candidates += 1;
    return candidates <= CANDIDATES_MAX;
  });
  return `${kept.join('\r\n')}\r\n`;
}

/** Of what was answered; that says nothing about what a client of ours sent. */
export function unusable(cause?: unknown): SluiceError {
  const text = 'what the other server answers cannot be used';
  return new SluiceError('UNAVAILABLE', text, {}, { cause });
}
