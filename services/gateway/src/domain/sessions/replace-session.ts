import { hasCode } from '@sluice/core';
import { openSession, type SessionOwner, type SessionPorts } from './open-session.js';
import type { Session } from './session.js';

export interface Replacement {
  /** The node that is not to be chosen again, where another one can be had. */
  readonly leftNodeId: string | undefined;
  /** Attempts begin for so long. */
  readonly patienceMs: number;
  /** Nobody needs it any more. */
  readonly isOver: () => boolean;
}

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 2_000;

/**
 * Opens a session in place of another, again and again while no node takes it.
 *
 * @throws {SluiceError} why the last attempt failed.
 */
export async function replaceSession(
  owner: SessionOwner,
  { leftNodeId, patienceMs, isOver }: Replacement,
  ports: SessionPorts,
): Promise<Session> {
  const { clock } = ports;
  const endMs = clock.nowMs() + patienceMs;
  for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(delayMs * 2, LONGEST_DELAY_MS)) {
    try {
      return await openElsewhere(owner, leftNodeId, ports);
    } catch (error) {
      if (isOver() || !mayPass(error) || clock.nowMs() + delayMs > endMs) throw error;
    }
    await new Promise<void>((resolve) => {
      clock.after(delayMs, resolve);
    });
  }
}

async function openElsewhere(
  owner: SessionOwner,
  leftNodeId: string | undefined,
  ports: SessionPorts,
): Promise<Session> {
  if (leftNodeId === undefined) return openSession(owner, [], ports);
  try {
    return await openSession(owner, [leftNodeId], ports);
  } catch (error) {
    // The only node there is may be back already.
    if (!hasCode(error, 'CAPACITY_EXHAUSTED')) throw error;
    return openSession(owner, [], ports);
  }
}

function mayPass(error: unknown): boolean {
  const codes = [
    'CAPACITY_EXHAUSTED',
    'NODE_DRAINING',
    'UNAVAILABLE',
    'DEADLINE_EXCEEDED',
  ] as const;
  return hasCode(error, ...codes, 'NOT_FOUND', 'RATE_LIMITED');
}
