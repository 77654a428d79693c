interface Mapping {
  /** google.rpc.Code number; a test in grpc-kit pins it, so this file imports nothing. */
  readonly grpc: number;
  readonly http: number;
  /** WebSocket close code where the error ends the connection. */
  readonly ws: number;
  /** `same`: this node, if the call is idempotent. `elsewhere`: ask the directory again first. */
  readonly retry: 'never' | 'same' | 'elsewhere';
}

/**
 * Every error that may leave a service. `docs/errors.md` has one row per code, and a test keeps the
 * two equal.
 */
export const ERRORS = {
  INVALID_ARGUMENT: { grpc: 3, http: 400, ws: 4400, retry: 'never' },
  UNAUTHENTICATED: { grpc: 16, http: 401, ws: 4401, retry: 'never' },
  PERMISSION_DENIED: { grpc: 7, http: 403, ws: 4403, retry: 'never' },
  NOT_FOUND: { grpc: 5, http: 404, ws: 4404, retry: 'never' },
  ALREADY_EXISTS: { grpc: 6, http: 409, ws: 4409, retry: 'never' },
  INVALID_STATE: { grpc: 9, http: 409, ws: 4409, retry: 'never' },
  CANNOT_CONSUME: { grpc: 9, http: 422, ws: 4400, retry: 'never' },
  TOO_LARGE: { grpc: 8, http: 413, ws: 1009, retry: 'never' },
  STALE_EPOCH: { grpc: 10, http: 409, ws: 4409, retry: 'elsewhere' },
  RATE_LIMITED: { grpc: 8, http: 429, ws: 4429, retry: 'same' },
  CAPACITY_EXHAUSTED: { grpc: 8, http: 503, ws: 1013, retry: 'elsewhere' },
  NODE_DRAINING: { grpc: 14, http: 503, ws: 1012, retry: 'elsewhere' },
  UNAVAILABLE: { grpc: 14, http: 503, ws: 1013, retry: 'same' },
  DEADLINE_EXCEEDED: { grpc: 4, http: 504, ws: 1013, retry: 'same' },
  INTERNAL: { grpc: 13, http: 500, ws: 1011, retry: 'never' },
} as const satisfies Record<string, Mapping>;

export type ErrorCode = keyof typeof ERRORS;
export type ErrorDetails = Readonly<Record<string, string | number | boolean>>;

/** The only error class that may leave a service. `message` is safe to show to a client. */
export class SluiceError extends Error {
  override readonly name = 'SluiceError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly details: ErrorDetails = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** Anything unrecognised becomes INTERNAL with a fixed message; the original stays in `cause`. */
  static from(error: unknown): SluiceError {
    return error instanceof SluiceError
      ? error
      : new SluiceError('INTERNAL', 'internal error', {}, { cause: error });
  }
}

/** For codes that come from elsewhere. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERRORS, value);
}

/** Whether `error` is ours and carries one of `codes`. */
export function hasCode(error: unknown, ...codes: readonly ErrorCode[]): error is SluiceError {
  return error instanceof SluiceError && codes.includes(error.code);
}

export function notFound(noun: string, id: string): SluiceError {
  return new SluiceError('NOT_FOUND', `${noun} ${id} does not exist`, { noun, id });
}
