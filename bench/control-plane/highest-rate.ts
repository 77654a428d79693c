export interface RateSearch {
  readonly from: number;
  readonly max: number;
  /** By how much each try is above the last that was sustained. */
  readonly factor: number;
  /** Halvings of the gap between the last that was sustained and the first that was not. */
  readonly halvings: number;
}

/**
 * The highest rate that is sustained, as far as the search looks: up by a factor until one is not,
 * then by halves, on a logarithmic scale. 0 where not even the first is.
 */
export async function highestRate(
  isSustained: (perSecond: number) => Promise<boolean>,
  { from, max, factor, halvings }: RateSearch,
): Promise<number> {
  let sustained = 0;
  let rate = from;
  while (rate <= max && (await isSustained(rate))) {
    sustained = rate;
    rate *= factor;
  }
  if (sustained === 0 || rate > max) return sustained;
  let failed = rate;
  for (let halving = 0; halving < halvings; halving += 1) {
    const middle = Math.sqrt(sustained * failed);
    if (await isSustained(middle)) sustained = middle;
    else failed = middle;
  }
  return sustained;
}
