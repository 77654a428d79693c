import { isSameStream, type MediaSection } from './media-sections.js';
import type { UmbrellaTrack } from './messages.js';

/**
 * Which announced track each sending m-line of an offer carries, by mid. Peers say it only after the
 * answer; by then the streams have names, so it is read from the offer: by track id (browsers), else
 * by stream id (servers that relay under new track ids), else by what was said of that mid before,
 * else by the order of what is left. An m-line for which nothing is left carries nothing: some servers
 * keep one to have something to offer.
 */
export function assignTracks(
  sections: readonly MediaSection[],
  announced: readonly UmbrellaTrack[],
  saidBefore: ReadonlyMap<string, string>,
): ReadonlyMap<string, UmbrellaTrack> {
  const assigned = new Map<string, UmbrellaTrack>();
  const taken = new Set<UmbrellaTrack>();
  const assign = (matches: (section: MediaSection, track: UmbrellaTrack) => boolean) => {
    for (const section of sections) {
      if (!section.sends || assigned.has(section.mid)) continue;
      const track = announced.find(
        (one) => one.kind === section.kind && !taken.has(one) && matches(section, one),
      );
      if (!track) continue;
      assigned.set(section.mid, track);
      taken.add(track);
    }
  };
  assign(
    ({ streamId, trackId }, track) =>
      trackId !== undefined && track.id === trackId && isSameStream(track.streamId, streamId),
  );
  assign(({ trackId }, track) => trackId !== undefined && track.id === trackId);
  assign(({ streamId }, track) => streamId !== undefined && isSameStream(track.streamId, streamId));
  assign(({ mid }, track) => saidBefore.get(mid) === track.umbrellaId);
  assignInOrder(sections, announced, assigned, taken);
  return assigned;
}

/** The last m-lines first: those that were there before anything was announced carry nothing. */
function assignInOrder(
  sections: readonly MediaSection[],
  announced: readonly UmbrellaTrack[],
  assigned: Map<string, UmbrellaTrack>,
  taken: ReadonlySet<UmbrellaTrack>,
): void {
  for (const kind of ['audio', 'video'] as const) {
    const left = announced.filter((track) => track.kind === kind && !taken.has(track));
    const free = sections.filter(
      (section) => section.kind === kind && section.sends && !assigned.has(section.mid),
    );
    const last = free.slice(Math.max(0, free.length - left.length));
    for (const [index, { mid }] of last.entries()) {
      const track = left[index];
      if (track) assigned.set(mid, track);
    }
  }
}
