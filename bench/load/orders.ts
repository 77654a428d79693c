/** What the process that makes load is told to do, and what it answers. */
export type Order =
  | { readonly do: 'open'; readonly name: string; readonly audience: Audience }
  | { readonly do: 'start'; readonly name: string; readonly rate: Rate }
  | { readonly do: 'stop'; readonly name: string }
  | { readonly do: 'count'; readonly name: string };

/** One publisher and those who watch it. */
export interface Audience {
  readonly url: string;
  readonly room: string;
  readonly publisherToken: string;
  readonly viewerTokens: readonly string[];
  /** Whether the viewers' home must be the publisher's or must not be. */
  readonly sameNode: boolean;
}

export interface Rate {
  readonly packetsPerSecond: number;
  readonly payloadBytes: number;
}

export type Reply = { readonly packets: number } | { readonly error: string };
