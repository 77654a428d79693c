/** What the process that makes joins is told to do, and what it answers. */
export interface JoinOrder {
  readonly url: string;
  /** One room each, in which they publish. */
  readonly publishers: readonly Ticket[];
  readonly perSecond: number;
  /** They enter the rooms in turn. */
  readonly newcomers: readonly Ticket[];
}

export interface Ticket {
  readonly subject: string;
  readonly token: string;
}

export type JoinReply = Arrivals | { readonly error: string };

export interface Arrivals {
  /** From the time at which each was to arrive until it had joined; failed ones are not in it. */
  readonly latenciesMs: readonly number[];
  readonly failures: readonly string[];
}
