import { StreamDoubted } from '@sluice/proto-gen/facts';
import type { StreamName } from '@sluice/core';
import { SUBJECTS, type Bus } from '@sluice/nats-kit';
import type { Boot } from '../domain/cluster/facts.js';

/** Asks a node to make sure that a stream is still its own. */
export function doubtStream(
  bus: Pick<Bus, 'publish'>,
  { nodeId, bootId }: Boot,
  name: StreamName,
): void {
  bus.publish(SUBJECTS.doubt(nodeId), StreamDoubted.encode({ bootId, name }).finish());
}
