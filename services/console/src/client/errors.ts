/** A failure with the server's code, or one of this client's own. */
export class ClientError extends Error {
  override readonly name = 'ClientError';

  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The socket went away: whether the server did what was asked is not known. */
export const CONNECTION_LOST = 'CONNECTION_LOST';
export const DEADLINE_EXCEEDED = 'DEADLINE_EXCEEDED';

export function codeOf(error: unknown): string {
  return error instanceof ClientError ? error.code : 'INTERNAL';
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const TRANSIENT: readonly string[] = [
  CONNECTION_LOST,
  DEADLINE_EXCEEDED,
  'UNAVAILABLE',
  'NODE_DRAINING',
  'CAPACITY_EXHAUSTED',
  'RATE_LIMITED',
  'STALE_EPOCH',
];

/** Whether the server may do later what it could not do now. */
export function isTransient(error: unknown): boolean {
  return TRANSIENT.includes(codeOf(error));
}

/** Whether the same request may do better on a new connection. */
export function worthRetrying(error: unknown): boolean {
  const hopeless = ['UNAUTHENTICATED', 'PERMISSION_DENIED', 'INVALID_ARGUMENT', 'NOT_FOUND'];
  return !hopeless.includes(codeOf(error));
}
