import { HOST_REASONS } from '@sluice/core';

const CONNECTION_ENDS: ReadonlyMap<string, string> = new Map([
  ['dtls closed', 'client'],
  ['dtls failed', 'dtls_failed'],
  ['never connected', 'never_connected'],
  ['ice lost', 'ice_lost'],
  ['offer not answered', 'offer_not_answered'],
  ['transport closed', 'worker_lost'],
  ['replaced', 'replaced'],
  ['moved', 'moved'],
  ['requested', 'ended'],
  ['parent closed', 'ended'],
  ['publication closed', 'ended'],
]);

const SESSION_ENDS: ReadonlyMap<string, string> = new Map([
  ['left', 'left'],
  ['moved', 'moved'],
  ['drained', 'drained'],
  ['not resumed in time', 'not_resumed'],
  ['media worker lost', 'worker_lost'],
  ['stopping', 'stopping'],
  ['requested', 'requested'],
  ['opened elsewhere', 'opened_elsewhere'],
  // Of sessions that live as long as a PeerConnection of theirs does.
  ['connection over', 'connection_over'],
  [HOST_REASONS.removed, 'by_host'],
  [HOST_REASONS.ended, 'by_host'],
]);

/** Every value, so that each counter is there before it first counts: 0 to 1 is a rise, too. */
export const CONNECTION_END_LABELS: readonly string[] = [
  ...new Set(CONNECTION_ENDS.values()),
  'other',
];
export const SESSION_END_LABELS: readonly string[] = [...new Set(SESSION_ENDS.values()), 'other'];

/**
 * Label values for why something ended. Reasons come from other services and from mediasoup as well:
 * those that say something have a value each.
 */
export function connectionEnd(reason: string): string {
  return CONNECTION_ENDS.get(reason) ?? 'other';
}

export function sessionEnd(reason: string): string {
  return SESSION_ENDS.get(reason) ?? 'other';
}
