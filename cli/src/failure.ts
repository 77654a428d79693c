/** What went wrong, in words for whoever typed the command. */
export class Failure extends Error {
  override readonly name = 'Failure';
}

/** The command line itself was wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const EXIT_CODES = { ok: 0, failed: 1, usage: 2 } as const;
