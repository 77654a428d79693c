import { Metadata, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import { ERRORS, SluiceError, isErrorCode, type ErrorCode, type ErrorDetails } from '@sluice/core';

/** Carries the exact code, so that two codes may share a gRPC status. */
const CODE_KEY = 'sluice-error-code';
const DETAILS_KEY = 'sluice-error-details-bin';

/** What a server answers with when a use case threw `error`. */
export function toStatus(error: SluiceError): Partial<StatusObject> {
  const metadata = new Metadata();
  metadata.set(CODE_KEY, error.code);
  metadata.set(DETAILS_KEY, Buffer.from(JSON.stringify(error.details)));
  return { code: ERRORS[error.code].grpc, details: error.message, metadata };
}

/**
 * The inverse, for clients: the callee's exact code when it sent one, else a coarse one. A stream
 * that breaks on our side, as by a write just after its end, tells no status at all.
 */
export function fromStatus(error: Error & Partial<ServiceError>): SluiceError {
  const { metadata } = error;
  const sent = metadata?.get(CODE_KEY)[0];
  const code = isErrorCode(sent) ? sent : metadata ? coarse(error.code) : 'UNAVAILABLE';
  const message = isErrorCode(sent) ? (error.details ?? '') : coarseMessage(code);
  return new SluiceError(code, message, detailsOf(metadata), { cause: error });
}

function detailsOf(metadata: Metadata | undefined): ErrorDetails {
  const raw = metadata?.get(DETAILS_KEY)[0];
  if (!Buffer.isBuffer(raw)) return {};
  try {
    return JSON.parse(raw.toString('utf8')) as ErrorDetails;
  } catch {
    // A peer of another version may write them differently; the code says enough.
    return {};
  }
}

function coarse(grpc: number | undefined): ErrorCode {
  if (grpc === ERRORS.DEADLINE_EXCEEDED.grpc) return 'DEADLINE_EXCEEDED';
  // CANCELLED (1) is what a call gets whose channel we closed.
  if (grpc === ERRORS.UNAVAILABLE.grpc || grpc === 1) return 'UNAVAILABLE';
  return 'INTERNAL';
}

function coarseMessage(code: ErrorCode): string {
  return (
    { UNAVAILABLE: 'the service is unavailable', DEADLINE_EXCEEDED: 'no answer in time' }[
      code as string
    ] ?? 'internal error'
  );
}
