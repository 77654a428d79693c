import type { Clock } from '@sluice/core';
import type { ConnectionSettings } from './connection.js';
import type { FactPublisher } from '../ports.js';
import type { OpenIceFront } from './ice-front.js';
import type { NumberedCopies } from '../streams/numbered-copies.js';
import type { RetiredConnections } from './retired-connections.js';
import type { SessionLimits, SessionTimings } from './session-bounds.js';
import type { Speakers } from './speakers.js';
import type { StreamClaims } from '../streams/stream-claims.js';
import type { StreamCopies, StreamSource } from '../streams/stream-copies.js';

/** What all sessions of a node share. */
export interface SessionEnvironment {
  readonly clock: Clock;
  readonly facts: FactPublisher;
  readonly claims: StreamClaims;
  readonly copies: StreamCopies;
  readonly source: StreamSource;
  readonly numbered: NumberedCopies;
  readonly speakers: Speakers;
  readonly retired: RetiredConnections;
  readonly timings: SessionTimings;
  readonly limits: SessionLimits;
  readonly connections: Omit<ConnectionSettings, 'clock' | 'connectMs' | 'iceLossMs' | 'dataRate'>;
  /** For sessions that dial. */
  readonly openIceFront: OpenIceFront;
  readonly report: (error: unknown) => void;
}
