/**
 * - `MALFORMED`: not SDP, or SDP that breaks a rule of its own.
 * - `UNSUPPORTED`: good SDP that asks for what this bridge does not do (no BUNDLE, no rtcp-mux, SDES).
 * - `TOO_LARGE`: over a limit.
 * - `WRONG_STATE`: good SDP at the wrong time, such as an answer where none is due.
 */
export type SdpErrorCode = 'MALFORMED' | 'UNSUPPORTED' | 'TOO_LARGE' | 'WRONG_STATE';

/** The only error this package throws for something that came from a client. */
export class SdpError extends Error {
  override readonly name = 'SdpError';

  constructor(
    readonly code: SdpErrorCode,
    message: string,
    /** Index of the offending m-line, where one is to blame. */
    readonly mLine?: number,
  ) {
    super(message);
  }
}
