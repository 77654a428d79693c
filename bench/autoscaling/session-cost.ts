/**
 * What participants cost: a camera of 150 packets and 1.24 Mbit/s, and a microphone of 50 packets and
 * 40 kbit/s. `measure-session.ts` found a real node to report 0.000 025 to 0.000 037 of a core for each
 * packet a second that its worker sends to real clients; this is the upper end.
 */
export const SESSION_COST = {
  packetsPerSecond: 200,
  bitsPerSecond: 1_280_000,
  /** Of one core, for each packet that a worker receives or sends. */
  coreSecondsPerPacket: 0.000_036,
  tracks: 2,
};
