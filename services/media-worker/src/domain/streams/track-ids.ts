import type { MediaKind } from 'mediasoup/types';

/**
 * Names the tracks of one connection: `audio` and `video` for the first of each kind, then
 * `audio-2`, `video-2`, ... A name stays with its m-line and is free again after it.
 */
export class TrackIds {
  readonly #byMid = new Map<string, string>();

  assign(mid: string, kind: MediaKind): string {
    const known = this.#byMid.get(mid);
    if (known !== undefined) return known;
    const taken = new Set(this.#byMid.values());
    let trackId: string = kind;
    for (let number = 2; taken.has(trackId); number += 1) trackId = `${kind}-${String(number)}`;
    this.#byMid.set(mid, trackId);
    return trackId;
  }

  free(mid: string): void {
    this.#byMid.delete(mid);
  }
}
