import { SluiceError, type ErrorCode } from '@sluice/core';
import { SdpError } from '@sluice/sdp';

/** What clients of SFU-to-SFU look for in the text of an error. */
const PHRASES: Partial<Record<ErrorCode, string>> = {
  ALREADY_EXISTS: 'Stream already exists',
  CAPACITY_EXHAUSTED: 'Server over capacity',
  RATE_LIMITED: 'Server over capacity',
  NODE_DRAINING: 'Server over capacity',
  // Of the code and of the README.
  NOT_FOUND: "No Such Stream: Stream doesn't exist",
};

/** How SFU-to-SFU tells a client what went wrong. */
export function errorText(error: unknown): string {
  if (error instanceof SdpError) return `Bad SDP: ${error.message}`;
  const { code, message } = SluiceError.from(error);
  const phrase = PHRASES[code];
  if (phrase === undefined) return message;
  return message.includes(phrase) ? message : `${phrase}: ${message}`;
}
