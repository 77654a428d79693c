import type { UmbrellaTrack } from './messages.js';

/** What a cluster of ours was told last that we take of what it has. */
export class Acceptance {
  #said: readonly UmbrellaTrack[] = [];

  /**
   * The lists to tell one after the other, so that the peer takes us to want `wanted`. What it offered
   * in vain it does not offer again while it is on the list: such a track leaves the list first.
   */
  next(
    wanted: readonly UmbrellaTrack[],
    refused: ReadonlySet<string>,
  ): readonly (readonly UmbrellaTrack[])[] {
    const lists: (readonly UmbrellaTrack[])[] = [];
    const left = this.#said.filter(({ umbrellaId }) => !refused.has(umbrellaId));
    if (left.length < this.#said.length) lists.push(left);
    if (idsOf(left) !== idsOf(wanted)) lists.push(wanted);
    this.#said = wanted;
    return lists;
  }
}

function idsOf(tracks: readonly UmbrellaTrack[]): string {
  return tracks.map(({ umbrellaId }) => umbrellaId).join('\n');
}
