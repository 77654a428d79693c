/** Largest frame either side sends: an SDP with many m-lines fits several times. */
export const FRAME_MAX_BYTES = 256 * 1024;

/** Longest room, participant, purpose or connection name, in UTF-16 code units. */
export const NAME_MAX_CHARACTERS = 128;

/** Longest ICE candidate line. */
export const CANDIDATE_MAX_CHARACTERS = 1_024;

/** Longest identification of an m-line. */
export const MID_MAX_CHARACTERS = 16;

/** Of how many m-lines one offer tells the scalability mode. */
export const SCALABILITY_MODES_MAX = 64;

/** Deepest nesting of arrays and objects in a frame. */
export const JSON_MAX_DEPTH = 16;

/** The purpose of a stream whose publisher names none. */
export const DEFAULT_PURPOSE = 'm.usermedia';

/** Why the server ends a connection. */
export const CLOSE_CODES = {
  /** Leaving: come back to any gateway and resume. */
  restarting: 1012,
  /** Too much waits to be sent to you, or there is no room for you now. */
  tryAgainLater: 1013,
  frameTooLarge: 1009,
  unauthenticated: 4401,
  /** Not for you, or not any more: do not come back by yourself. */
  forbidden: 4403,
  /** The same connection was resumed elsewhere. */
  resumedElsewhere: 4409,
  flooding: 4429,
} as const;
