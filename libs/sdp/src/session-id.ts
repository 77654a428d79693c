const FNV_OFFSET = 0xcbf29ce484222325n;
const FNV_PRIME = 0x100000001b3n;
/** RFC 9429 §5.2.1: below 2^63. */
const MAX_SESSION_ID = (1n << 62n) - 1n;

/** A session id for our `o=` lines, as unlikely to be another's as `seed` is. */
export function sessionIdFrom(seed: string): string {
  let hash = FNV_OFFSET;
  for (let at = 0; at < seed.length; at += 1) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(seed.charCodeAt(at))) * FNV_PRIME);
  }
  return String((hash & MAX_SESSION_ID) + 1n);
}
