import type { UmbrellaTrack } from './messages.js';
import { purposeOf } from './track-names.js';

/** Which of a peer's tracks nobody here watches, as the media node says it of their streams. */
export class Demand {
  readonly #unwanted = new Set<string>();
  #told = '';

  note(purpose: string, wanted: boolean): void {
    if (wanted) this.#unwanted.delete(purpose);
    else this.#unwanted.add(purpose);
  }

  /** A stream of that name begins: it has to flow before anything can be said of it. */
  begin(purpose: string): void {
    this.#unwanted.delete(purpose);
  }

  /** What is to be told of these tracks; undefined where that was told last. */
  news(imported: readonly UmbrellaTrack[]): readonly string[] | undefined {
    const unwanted = imported
      .filter((track) => this.#unwanted.has(purposeOf(track)))
      .map(({ umbrellaId }) => umbrellaId)
      .sort();
    const text = unwanted.join('\n');
    if (text === this.#told) return undefined;
    this.#told = text;
    return unwanted;
  }
}
