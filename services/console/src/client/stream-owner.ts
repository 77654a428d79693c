import type { NamedTrack } from './sdp.js';
import type { StreamKey } from './stream-key.js';
import type { PublisherName } from './wire.js';

/** A stream that is subscribed to, and the name that the server's SDP should give it. */
export interface Expected {
  readonly key: StreamKey;
  readonly streamId: string;
}

interface Claims {
  /** Streams on this connection. */
  readonly expected: readonly Expected[];
  /** What earlier offers settled. */
  readonly settled: ReadonlyMap<string, StreamKey>;
  /** The stream that caused this offer. */
  readonly offered: StreamKey;
}

/** How the server names a stream's MediaStream: as it was typed, but for what would end the value. */
export function streamIdOf(room: string, { publisherId, purpose }: PublisherName): string {
  return `${room}-${publisherId}-${purpose}`.replace(/\s/gu, encodeURIComponent);
}

/**
 * Which stream each MediaStream id of an offer belongs to. An id that is not spelt as expected
 * belongs to the stream that caused the offer.
 */
export function ownersOf(
  tracks: readonly NamedTrack[],
  { expected, settled, offered }: Claims,
): ReadonlyMap<string, StreamKey> {
  const owners = new Map<string, StreamKey>();
  const ids = new Set(tracks.map(({ streamId }) => streamId));
  const strangers: string[] = [];
  for (const id of ids) {
    const owner = settled.get(id) ?? expected.find(({ streamId }) => streamId === id)?.key;
    if (owner === undefined) strangers.push(id);
    else owners.set(id, owner);
  }
  const taken = new Set(owners.values());
  const free = expected.map(({ key }) => key).filter((key) => !taken.has(key));
  const candidates = [...free].sort((a, b) => Number(b === offered) - Number(a === offered));
  strangers.forEach((id, index) => {
    const owner = candidates[index];
    if (owner !== undefined) owners.set(id, owner);
  });
  return owners;
}
