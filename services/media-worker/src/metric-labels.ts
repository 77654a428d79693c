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
]);

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
