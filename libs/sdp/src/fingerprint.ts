import type { Attributes } from './attributes.js';
import type { DtlsFingerprint } from './dictionaries.js';
import { SdpError } from './errors.js';

type Algorithm = DtlsFingerprint['algorithm'];

/** Bytes of each hash, best first: mediasoup checks a certificate against the first one it is given. */
const HASH_BYTES: Readonly<Partial<Record<Algorithm, number>>> = {
  'sha-256': 32,
  'sha-384': 48,
  'sha-512': 64,
};
/** Read, but not relied on: SHA-1 and SHA-224 no longer pass for a proof. */
const WEAK_HASH_BYTES: Readonly<Record<string, number>> = { 'sha-1': 20, 'sha-224': 28 };

const FINGERPRINT = /^([A-Za-z0-9-]{3,16}) ((?:[0-9A-Fa-f]{2}:){1,127}[0-9A-Fa-f]{2})$/;

/**
 * The fingerprints of an m-line or session, the best first. Never empty, since mediasoup would
 * take an empty list and fail on it later.
 *
 * @throws {SdpError} MALFORMED; UNSUPPORTED where there is none of a known, strong hash.
 */
export function readFingerprints(attributes: Attributes): DtlsFingerprint[] {
  const read = attributes.all('fingerprint').map(parseFingerprint);
  const best = strongAlgorithms().flatMap((algorithm) =>
    read.filter((fingerprint) => fingerprint.algorithm === algorithm),
  );
  if (best.length === 0) {
    throw new SdpError('UNSUPPORTED', 'a fingerprint by SHA-256, SHA-384 or SHA-512 is required');
  }
  return best.map(({ algorithm, value }) => ({ algorithm: algorithm as Algorithm, value }));
}

/** The fingerprint that our own descriptions carry. */
export function preferredFingerprint(fingerprints: readonly DtlsFingerprint[]): DtlsFingerprint {
  const preferred =
    fingerprints.find((fingerprint) => fingerprint.algorithm === 'sha-256') ?? fingerprints[0];
  if (!preferred) throw new TypeError('the transport has no DTLS fingerprint');
  return preferred;
}

/** Whether both are of one certificate, as far as can be told. */
export function sameFingerprints(
  some: readonly DtlsFingerprint[],
  others: readonly DtlsFingerprint[],
): boolean {
  return some.some(({ algorithm, value }) =>
    others.some((other) => other.algorithm === algorithm && other.value === value),
  );
}

function strongAlgorithms(): string[] {
  return Object.keys(HASH_BYTES);
}

function parseFingerprint(line: string): { readonly algorithm: string; readonly value: string } {
  const [, name, hex] = FINGERPRINT.exec(line) ?? [];
  if (name === undefined || hex === undefined) {
    throw new SdpError('MALFORMED', 'malformed fingerprint');
  }
  const algorithm = name.toLowerCase();
  const bytes = HASH_BYTES[algorithm as Algorithm] ?? WEAK_HASH_BYTES[algorithm];
  if (bytes !== undefined && hex.length !== bytes * 3 - 1) {
    throw new SdpError('MALFORMED', `a fingerprint by ${algorithm} has ${bytes} bytes`);
  }
  // The worker compares with its own upper-case rendering.
  return { algorithm, value: hex.toUpperCase() };
}
