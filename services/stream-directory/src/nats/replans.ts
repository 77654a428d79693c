import { RelayReplan } from '@sluice/proto-gen/facts';
import { SUBJECTS, type Bus } from '@sluice/nats-kit';
import type { Relay } from '../domain/cluster/facts.js';

/** Asks the node that pulls a relay to plan it again. */
export function askToReplan(bus: Pick<Bus, 'publish'>, relay: Relay): void {
  bus.publish(SUBJECTS.replan(relay.to.nodeId), RelayReplan.encode({ relay }).finish());
}
