import type { DataLimits } from '../data/data-rate.js';

/** How long a session waits for what only its client can do. */
export interface SessionTimings {
  /** From the loss of the last watcher to the end of the session. */
  readonly graceMs: number;
  /** From an offer of ours to its answer, while somebody watches. */
  readonly answerMs: number;
  /** From the first DTLS parameters to a finished handshake. */
  readonly connectMs: number;
  /** From the loss of ICE to its return, by a restart or by itself. */
  readonly iceLossMs: number;
  /** How long a replaced publishing connection still feeds those who have not switched over. */
  readonly switchOverMs: number;
  /** How long the last connection of a stream that has moved still feeds those who follow it. */
  readonly handOverMs: number;
  /** Waits between tries to get a stream again whose relay was lost. */
  readonly recoveryDelaysMs: readonly number[];
}

/** How much one session may hold. */
export interface SessionLimits {
  readonly publications: number;
  readonly tracksPerPublication: number;
  readonly subscriptions: number;
  /** PeerConnections for receiving. */
  readonly connections: number;
  /** PeerConnections both ways. */
  readonly duplexConnections: number;
  /** Commands that wait for the one before them. */
  readonly waitingCommands: number;
  /** ICE candidates over the session's life; we read them but need none. */
  readonly candidates: number;
  /** What it may publish on data channels. */
  readonly data: DataLimits;
}

export const SESSION_TIMINGS: SessionTimings = {
  graceMs: 30_000,
  answerMs: 30_000,
  connectMs: 30_000,
  iceLossMs: 10_000,
  switchOverMs: 3_000,
  handOverMs: 5_000,
  recoveryDelaysMs: [0, 100, 300, 700, 1_500, 3_000],
};

export const SESSION_LIMITS: SessionLimits = {
  publications: 16,
  tracksPerPublication: 16,
  subscriptions: 512,
  connections: 128,
  duplexConnections: 8,
  waitingCommands: 256,
  candidates: 2_000,
  data: { messagesPerSecond: 250, bytesPerSecond: 1024 * 1024 },
};
