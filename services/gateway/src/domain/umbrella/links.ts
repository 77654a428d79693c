import type { UmbrellaLink } from './link.js';

/** All links of this gateway that are open. */
export class UmbrellaLinks {
  readonly #links = new Set<UmbrellaLink>();

  get list(): readonly UmbrellaLink[] {
    return [...this.#links];
  }

  add(link: UmbrellaLink): void {
    this.#links.add(link);
  }

  remove(link: UmbrellaLink): void {
    this.#links.delete(link);
  }
}
