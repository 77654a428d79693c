import { SluiceError, hasCode, type StreamName } from '@sluice/core';
import type { RouterRef } from '@sluice/proto-gen/common';
import type { Directory } from '../ports.js';
import { RELAY_REASONS } from '../streams/relay-reasons.js';
import { toSluiceError } from './relay-retry.js';

export interface RelayWish {
  readonly name: StreamName;
  readonly to: RouterRef;
  /** Parents that just failed, by router id. */
  readonly excluded: readonly string[];
}

export interface PlannedRelay {
  readonly parent: RouterRef;
  readonly epoch: number;
  readonly ticket: string;
}

/** What a parent said when it stopped feeding a stream of that epoch. */
export interface EpochOver {
  readonly epoch: number;
  readonly reason: string;
}

/**
 * Whom to pull from, or why from nobody; `here` when the stream has its origin on the very router.
 * A parent may know before the directory that an epoch is over: a plan of that epoch is outdated.
 */
export async function planRelay(
  directory: Pick<Directory, 'planRelay'>,
  { name, to, excluded }: RelayWish,
  over: EpochOver | undefined,
): Promise<PlannedRelay | 'here' | SluiceError> {
  try {
    const { parent, epoch, ticket } = await directory.planRelay(name, to, excluded);
    if (!parent) return new SluiceError('UNAVAILABLE', 'a plan without a parent');
    if (parent.routerId === to.routerId) return 'here';
    return outdated(epoch, over) ?? { parent, epoch, ticket };
  } catch (error) {
    // The directory's word for it.
    return hasCode(error, 'INVALID_STATE') ? 'here' : toSluiceError(error);
  }
}

function outdated(epoch: number, over: EpochOver | undefined): SluiceError | undefined {
  if (!over || epoch > over.epoch) return undefined;
  if (over.reason === RELAY_REASONS.streamEnded) {
    return new SluiceError('NOT_FOUND', 'the stream has ended', { noun: 'stream' });
  }
  if (over.reason !== RELAY_REASONS.moved) return undefined;
  return new SluiceError('UNAVAILABLE', 'the stream has moved and is not found yet');
}
