/**
 * Why an edge's copy closed, or a parent stopped feeding. They travel in RelayEnded.reason; what is
 * none of them counts as `relay lost`.
 */
export const RELAY_REASONS = {
  /** Nobody publishes it any more, under this epoch. */
  streamEnded: 'stream ended',
  /** The same, but nobody said that it ended: its origin has gone without a word. */
  originLost: 'origin lost',
  /** The stream lives, but this way to it does not. */
  relayLost: 'relay lost',
  /** The stream has a newer epoch. */
  moved: 'moved',
  /** The directory knows a better parent. Never sent. */
  replanned: 'replanned',
  /** Nobody here watches it. */
  unwatched: 'unwatched',
} as const;
