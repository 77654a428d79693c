import { SluiceError } from '@sluice/core';
import { CLOSE_CODES } from '@sluice/protocol';
import { TargetRefusal } from '@sluice/service-kit';

/** What a server that was dialled says of itself is shown to people: as much of it, and no more. */
const REASON_MAX_CHARACTERS = 120;

/** Close codes that say more than that the connection is over. */
const BY_CLOSE_CODE: Readonly<Record<number, readonly [SluiceError['code'], string]>> = {
  [CLOSE_CODES.unauthenticated]: ['UNAUTHENTICATED', 'it does not know our token'],
  [CLOSE_CODES.forbidden]: ['PERMISSION_DENIED', 'it does not let us in'],
  [CLOSE_CODES.flooding]: ['RATE_LIMITED', 'we send it too much'],
  [CLOSE_CODES.tryAgainLater]: ['CAPACITY_EXHAUSTED', 'it has no room now'],
  [CLOSE_CODES.restarting]: ['UNAVAILABLE', 'it asks us to come again'],
};

/** Why a WebSocket to another server ended that the server closed. */
export function closedByServer(code: number, reason: string): SluiceError {
  const [meant, text] = BY_CLOSE_CODE[code] ?? ['UNAVAILABLE', `it ended the connection (${code})`];
  const said = printable(reason);
  return new SluiceError(meant, said === '' ? text : `${text}: ${said}`);
}

/** Why it answers a request for a WebSocket with something else. */
export function refusedByServer(status: number): SluiceError {
  if (status === 401) return new SluiceError('UNAUTHENTICATED', 'it does not know our token');
  if (status === 403) return new SluiceError('PERMISSION_DENIED', 'it does not let us in');
  if (status >= 300 && status < 400) {
    return new SluiceError('UNAVAILABLE', 'it leads elsewhere, which is not followed');
  }
  return new SluiceError('UNAVAILABLE', `it answers ${status} instead of a WebSocket`);
}

/** What Node and ws call it. */
const BY_ERROR_CODE: Readonly<Record<string, readonly [SluiceError['code'], string]>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: ['TOO_LARGE', 'it sent a frame beyond the limit'],
  ENOTFOUND: ['UNAVAILABLE', 'its name is not known'],
  EAI_AGAIN: ['UNAVAILABLE', 'its name cannot be looked up now'],
  ECONNREFUSED: ['UNAVAILABLE', 'nobody listens there'],
  ECONNRESET: ['UNAVAILABLE', 'it broke the connection off'],
};

/** Why there is no WebSocket, or none any more. */
export function failureOf(error: Error & { readonly code?: string }): SluiceError {
  const cause = { cause: error };
  if (error instanceof TargetRefusal) {
    return new SluiceError('UNAVAILABLE', error.message, {}, cause);
  }
  if (error.message === 'Opening handshake has timed out') {
    return new SluiceError('DEADLINE_EXCEEDED', 'it does not answer', {}, cause);
  }
  const { code = '' } = error;
  const known = BY_ERROR_CODE[code];
  if (known) return new SluiceError(known[0], known[1], {}, cause);
  if (code.startsWith('WS_ERR_')) {
    return new SluiceError('INVALID_ARGUMENT', 'what it sends is no WebSocket', {}, cause);
  }
  const untrusted = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/.test(code);
  const text = untrusted ? 'its certificate is not trusted' : 'it cannot be reached';
  return new SluiceError('UNAVAILABLE', text, {}, cause);
}

function printable(text: string): string {
  return text
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, REASON_MAX_CHARACTERS);
}
