import { request as requestHttp, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { SluiceError } from '@sluice/core';
import { TargetRefusal, guardedLookup } from '@sluice/service-kit';
import type { Focus } from '../domain/sfu-to-sfu/foci.js';

const DEADLINE_MS = 5_000;
const ANSWER_MAX_BYTES = 64 * 1024;
const HEADERS_MAX_BYTES = 8 * 1024;

/**
 * Asks another server for a session: our offer in, its answer out.
 *
 * @throws {SluiceError} UNAVAILABLE, DEADLINE_EXCEEDED, CAPACITY_EXHAUSTED, PERMISSION_DENIED.
 */
export type CreateSession = (focus: Focus, offer: string) => Promise<string>;

/**
 * @param allowedNetworks to which a server's name may lead besides public ones. An address that the
 * operator wrote is where the operator wants to go.
 */
export function sessionCreator(allowedNetworks: readonly string[]): CreateSession {
  const lookup = guardedLookup(allowedNetworks);
  return async (focus, offer) => {
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    let response: IncomingMessage | undefined;
    try {
      response = await posted(focus, offer, { lookup, signal: deadline });
      const { statusCode = 0 } = response;
      if (statusCode < 200 || statusCode > 299) throw refusalOf(statusCode);
      return await readBounded(response);
    } catch (error) {
      throw error instanceof SluiceError ? error : failureOf(error, deadline);
    } finally {
      response?.destroy();
    }
  };
}

/** To where it may lead us nobody has allowed us to go, so it is not followed. */
function posted(
  { url, token }: Focus,
  offer: string,
  how: { readonly lookup: ReturnType<typeof guardedLookup>; readonly signal: AbortSignal },
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = (url.startsWith('https:') ? requestHttps : requestHttp)(url, {
    ...how,
    method: 'POST',
    agent: false,
    maxHeaderSize: HEADERS_MAX_BYTES,
    headers: {
      'Content-Type': 'application/sdp',
      'Content-Length': Buffer.byteLength(offer),
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
    },
  });
  request.on('response', resolve);
  request.on('error', reject);
  request.end(offer);
  return promise;
}

async function readBounded(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > ANSWER_MAX_BYTES) {
      throw new SluiceError('UNAVAILABLE', 'the other server says too much');
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function refusalOf(status: number): SluiceError {
  if (status === 401 || status === 403) {
    return new SluiceError('PERMISSION_DENIED', 'the other server does not let us in');
  }
  if (status >= 300 && status < 400) {
    return new SluiceError('UNAVAILABLE', 'the other server leads elsewhere');
  }
  const code = status === 503 ? 'CAPACITY_EXHAUSTED' : 'UNAVAILABLE';
  return new SluiceError(code, `the other server answers ${String(status)}`);
}

function failureOf(cause: unknown, deadline: AbortSignal): SluiceError {
  if (deadline.aborted) {
    return new SluiceError('DEADLINE_EXCEEDED', 'the other server takes too long', {}, { cause });
  }
  if (cause instanceof TargetRefusal && cause.kind === 'notAllowed') {
    const text = 'this server may not pull streams from there: a name that leads elsewhere';
    return new SluiceError('PERMISSION_DENIED', text, {}, { cause });
  }
  return new SluiceError('UNAVAILABLE', 'the other server cannot be reached', {}, { cause });
}
