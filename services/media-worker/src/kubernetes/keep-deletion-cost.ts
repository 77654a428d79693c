import { systemClock } from '@sluice/core';
import { DeletionCost } from '../domain/node/deletion-cost.js';
import type { MediaNode } from '../domain/node/media-node.js';
import type { Log } from '../domain/ports.js';
import { writeDeletionCost, type OwnPod } from './own-pod.js';

interface Told {
  readonly log: Log;
  readonly count: (outcome: 'ok' | 'failed') => void;
}

/** The node's number of sessions as its pod's deletion cost. Its caller stops it. */
export function keepDeletionCost(
  pod: OwnPod,
  node: Pick<MediaNode, 'readings'>,
  { log, count }: Told,
): DeletionCost {
  const { sessions, draining } = node.readings();
  let failing = false;
  return new DeletionCost({
    clock: systemClock,
    sessions: () => sessions().attached + sessions().detached,
    draining,
    write: (cost) => writeDeletionCost(pod, cost),
    onWritten: (error) => {
      count(error === undefined ? 'ok' : 'failed');
      const fields = { pod: pod.name };
      // One line for each time that it begins to fail or to work again.
      if (error !== undefined && !failing) {
        log.warn({ ...fields, err: error }, 'pod-deletion-cost cannot be kept');
      }
      if (error === undefined && failing) log.info(fields, 'pod-deletion-cost is kept again');
      failing = error !== undefined;
    },
  });
}
