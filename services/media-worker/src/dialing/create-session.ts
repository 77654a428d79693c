import { SluiceError } from '@sluice/core';
import type { Focus } from '../domain/sfu-to-sfu/foci.js';

const DEADLINE_MS = 5_000;
const ANSWER_MAX_BYTES = 64 * 1024;

/** @throws {SluiceError} UNAVAILABLE, CAPACITY_EXHAUSTED, PERMISSION_DENIED. */
export async function createSession(focus: Focus, offer: string): Promise<string> {
  const response = await posted(focus, offer);
  if (response.ok) return readBounded(response);
  await response.body?.cancel();
  if (response.status === 401 || response.status === 403) {
    throw new SluiceError('PERMISSION_DENIED', 'the other server does not let us in');
  }
  const code = response.status === 503 ? 'CAPACITY_EXHAUSTED' : 'UNAVAILABLE';
  throw new SluiceError(code, `the other server answers ${String(response.status)}`);
}

async function posted({ url, token }: Focus, body: string): Promise<Response> {
  try {
    return await fetch(url, {
      method: 'POST',
      body,
      headers: {
        'Content-Type': 'application/sdp',
        ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      },
      // To where it leads nobody has allowed us to go.
      redirect: 'error',
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
  } catch (cause) {
    throw new SluiceError('UNAVAILABLE', 'the other server cannot be reached', {}, { cause });
  }
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      bytes += chunk.byteLength;
      if (bytes > ANSWER_MAX_BYTES) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    throw new SluiceError('UNAVAILABLE', 'the other server broke off', {}, { cause });
  }
  if (bytes <= ANSWER_MAX_BYTES) return Buffer.concat(chunks).toString('utf8');
  throw new SluiceError('UNAVAILABLE', 'the other server says too much');
}
