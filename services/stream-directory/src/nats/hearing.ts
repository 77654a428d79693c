import type { Bus } from '@sluice/nats-kit';
import type { Clock } from '@sluice/core';
import type { Hearing } from '../domain/ports.js';

/** Longer than a healthy NATS takes by far; what is not heard by then must not hold up an answer. */
const CATCH_UP_MAX_MS = 250;

/** Heartbeats and facts as they come over the bus. */
export class NatsHearing implements Hearing {
  constructor(
    private readonly bus: Pick<Bus, 'connected' | 'flush'>,
    private readonly clock: Clock,
  ) {}

  get connected(): boolean {
    return this.bus.connected;
  }

  async catchUp(): Promise<boolean> {
    if (!this.bus.connected) return false;
    return new Promise<boolean>((resolve) => {
      const timer = this.clock.after(CATCH_UP_MAX_MS, () => resolve(false));
      const done = (heard: boolean) => {
        timer.cancel();
        resolve(heard);
      };
      this.bus.flush().then(
        () => done(true),
        () => done(false),
      );
    });
  }
}
