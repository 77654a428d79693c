/**
 * What participants cost, from bench/autoscaling/measure-session.ts: a camera of 150 packets and
 * 1.24 Mbit/s on the wire, and a microphone of 50 packets and 40 kbit/s.
 */
export const SESSION_COST = {
  packetsPerSecond: 200,
  bitsPerSecond: 1_280_000,
  /** Of one core, for each packet that a worker receives or sends. */
  coreSecondsPerPacket: 0.000_036,
  tracks: 2,
};
