import { SluiceError, hasCode } from '@sluice/core';
import { RELAY_REASONS } from '../streams/relay-reasons.js';

/** How one try to get a stream ended. */
export type RelayOutcome =
  /** The directory named no parent. */
  | { readonly kind: 'not planned'; readonly error: SluiceError }
  /** The parent could not be reached, refused, or was lost. */
  | { readonly kind: 'lost'; readonly parentRouterId: string; readonly error: SluiceError }
  /** The parent said that it feeds no longer. */
  | { readonly kind: 'ended'; readonly parentRouterId: string; readonly reason: string };

/** What is known when the next step is decided. */
export interface RelayHistory {
  /** Whether tracks ever came: then somebody watches and more patience is due. */
  readonly established: boolean;
  /** Tries that ended since it last worked for a while. */
  readonly failures: number;
  /** Parents that failed since then, by router id. */
  readonly excluded: readonly string[];
  /**
   * Whether a parent was lost, or said that the stream moved: then nobody has said that it ended,
   * and its publisher is likely to be about to publish it elsewhere.
   */
  readonly comesBack: boolean;
}

export type RelayStep =
  | { readonly kind: 'retry'; readonly delayMs: number; readonly excluded: readonly string[] }
  | { readonly kind: 'give up'; readonly reason: string; readonly error: SluiceError };

const TRIES_AT_FIRST = 4;
/** Five seconds: the time that a publisher may take whose node was lost. */
const TRIES_WHEN_ESTABLISHED = 24;
/** A name may be between two holders for a moment: a page was reloaded, a session moved. */
const TRIES_WHEN_NOT_FOUND = 2;
const NOT_FOUND_DELAY_MS = 200;
const FIRST_DELAY_MS = 50;
const MAX_DELAY_MS = 250;

/** Whether to plan again after `outcome`, when, and without which parents. */
export function nextRelayStep(outcome: RelayOutcome, history: RelayHistory): RelayStep {
  const { established, failures, comesBack } = history;
  if (outcome.kind === 'ended' && outcome.reason === RELAY_REASONS.replanned) {
    return { kind: 'retry', delayMs: 0, excluded: history.excluded };
  }
  if (outcome.kind === 'not planned' && hasCode(outcome.error, 'NOT_FOUND')) {
    const tries = comesBack ? TRIES_WHEN_ESTABLISHED : TRIES_WHEN_NOT_FOUND;
    const patient = established && failures < tries;
    return patient ? { kind: 'retry', delayMs: NOT_FOUND_DELAY_MS, excluded: [] } : giveUp(outcome);
  }
  if (failures + 1 >= (established ? TRIES_WHEN_ESTABLISHED : TRIES_AT_FIRST)) {
    return giveUp(outcome);
  }
  const first = established && failures === 0;
  const delayMs = first ? 0 : Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** failures);
  return { kind: 'retry', delayMs, excluded: excludedAfter(outcome, history.excluded) };
}

function excludedAfter(outcome: RelayOutcome, before: readonly string[]): readonly string[] {
  // With nobody left to ask, those that failed may be asked again.
  if (outcome.kind === 'not planned') return [];
  return isParentsFault(outcome) ? [...new Set([...before, outcome.parentRouterId])] : before;
}

/** Whether another parent should be asked, rather than this one with a fresher plan. */
function isParentsFault(outcome: Exclude<RelayOutcome, { kind: 'not planned' }>): boolean {
  if (outcome.kind === 'ended') {
    return !NOBODYS_FAULT.includes(outcome.reason);
  }
  return outcome.error.code !== 'STALE_EPOCH' && outcome.error.details['noun'] !== 'pipe';
}

const NOBODYS_FAULT: readonly string[] = [
  RELAY_REASONS.streamEnded,
  RELAY_REASONS.moved,
  RELAY_REASONS.replanned,
];

function giveUp(outcome: RelayOutcome): RelayStep {
  const cause = outcome.kind === 'ended' ? undefined : outcome.error;
  if (cause && isStreamNotFound(cause)) {
    return { kind: 'give up', reason: RELAY_REASONS.streamEnded, error: cause };
  }
  const message = 'the stream cannot be had now';
  const error = new SluiceError('UNAVAILABLE', message, {}, { cause });
  return { kind: 'give up', reason: RELAY_REASONS.relayLost, error };
}

function isStreamNotFound(error: SluiceError): boolean {
  const { noun } = error.details;
  return hasCode(error, 'NOT_FOUND') && noun !== 'pipe' && noun !== 'router';
}

/** What broke a try, as something that can be decided on. */
export function toSluiceError(error: unknown): SluiceError {
  if (error instanceof SluiceError) return error;
  return new SluiceError('UNAVAILABLE', 'the relay broke', {}, { cause: error });
}
