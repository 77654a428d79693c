import { RelayState } from '@sluice/proto-gen/common';
import { SUBJECTS, type Bus } from '@sluice/nats-kit';
import type { Relay } from '../domain/cluster/facts.js';
import { toRelay } from '../messages/from-message.js';

/** Relay plans of the directory's own replicas, at most once, for each other. */
export class PlanExchange {
  constructor(private readonly bus: Pick<Bus, 'listen' | 'publish'>) {}

  announce(relay: Relay): void {
    this.bus.publish(SUBJECTS.plannedRelays, RelayState.encode(relay).finish());
  }

  listen(hear: (relay: Relay) => void, onMalformed: (error: unknown) => void): void {
    this.bus.listen(SUBJECTS.plannedRelays, (payload) => {
      try {
        hear(toRelay(RelayState.decode(payload)));
      } catch (error) {
        onMalformed(error);
      }
    });
  }
}
