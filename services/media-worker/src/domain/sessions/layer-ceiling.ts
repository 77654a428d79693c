/** What falls within this time after it climbed should not have climbed. */
const TRIED_MS = 10_000;
/** After the first such fall; each further one doubles it. */
const FIRST_REST_MS = 10_000;
const LONGEST_REST_MS = 60_000;
/** How long the link is getting known: falls are no surprise then. */
const YOUNG_MS = 8_000;
const YOUNG_REST_MS = 2_000;
/** Clients tell what they got every 50 ms or later: a sooner fall is about what was sent before. */
const UNTRIED_MS = 50;

/**
 * How high one viewer's picture may climb. A link that lets a short burst pass but not what follows
 * looks wider than it is until the larger picture is sent, which then costs a moment of standstill:
 * so after each climb that failed the next one is longer in coming.
 */
export class LayerCeiling {
  #shown: number | undefined;
  #begunAtMs: number | undefined;
  #climbedAtMs: number | undefined;
  #failures = 0;
  #spatial: number | undefined;

  /** The highest layer for now; undefined for any. */
  get spatial(): number | undefined {
    return this.#spatial;
  }

  /**
   * Another spatial layer is shown, or none (undefined).
   *
   * @param wished the highest that the viewer wants: to get there from above is no fall.
   * @returns after which time {@link lift} is due, where the link was too narrow.
   */
  show(spatial: number | undefined, wished: number, nowMs: number): number | undefined {
    const before = this.#shown;
    if (spatial === undefined || spatial === before) return undefined;
    this.#shown = spatial;
    this.#begunAtMs ??= nowMs;
    if (before === undefined || spatial > before) {
      if (before !== undefined) this.#climbedAtMs = nowMs;
      return undefined;
    }
    if (spatial >= Math.min(wished, this.#spatial ?? wished)) return undefined;
    return this.#fall(spatial, nowMs);
  }

  /** It may climb again. */
  lift(): void {
    this.#spatial = undefined;
  }

  #fall(spatial: number, nowMs: number): number {
    const heldMs = this.#climbedAtMs === undefined ? Infinity : nowMs - this.#climbedAtMs;
    if (heldMs < UNTRIED_MS) return this.#fallUntried(spatial);
    const failed = heldMs < TRIED_MS;
    this.#failures = failed ? this.#failures + 1 : 0;
    this.#climbedAtMs = undefined;
    this.#spatial = spatial;
    if (!failed && nowMs - (this.#begunAtMs ?? nowMs) < YOUNG_MS) return YOUNG_REST_MS;
    return Math.min(FIRST_REST_MS * 2 ** Math.max(0, this.#failures - 1), LONGEST_REST_MS);
  }

  /** Of the larger picture nothing is known yet: that climb neither failed nor held. */
  #fallUntried(spatial: number): number {
    this.#climbedAtMs = undefined;
    this.#spatial = spatial;
    return YOUNG_REST_MS;
  }
}
