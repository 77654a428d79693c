import { IngestFailure } from './ingest-failure.js';

/** Profiles that browsers' decoders understand: baseline, main and high, of 8 bits and 4:2:0. */
const DECODED = [66, 77, 100];

/**
 * What routers and browsers are told that a camera sends, whatever it does. Few browsers say that they
 * take main or high, and all of them decode both: their decoders read the parameter sets.
 */
const CARRIED = '42e01f';

/**
 * The `profile-level-id` under which a camera's H.264 is carried.
 *
 * @throws {IngestFailure} `profile` for what browsers cannot decode.
 */
export function carriedProfile(profileLevelId: string | undefined): string {
  // A camera that does not say it sends, most likely, what everybody can show.
  const profile = Number.parseInt((profileLevelId ?? CARRIED).slice(0, 2), 16);
  if (!DECODED.includes(profile)) throw new IngestFailure('profile');
  return CARRIED;
}
