import { NodeLost } from '@sluice/proto-gen/facts';
import { SUBJECTS, type Bus } from '@sluice/nats-kit';
import type { Boot } from '../domain/cluster/facts.js';

/** Tells gateways, media nodes and the other replicas that a boot is taken for lost. */
export function announceLost(bus: Pick<Bus, 'publish'>, { nodeId, bootId }: Boot): void {
  bus.publish(SUBJECTS.lost(nodeId), NodeLost.encode({ nodeId, bootId }).finish());
}
