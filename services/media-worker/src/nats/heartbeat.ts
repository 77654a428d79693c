import type { Clock, Timer } from '@sluice/core';
import type { Heartbeat as Message } from '@sluice/proto-gen/facts';
import { Heartbeat as Codec } from '@sluice/proto-gen/facts';
import { SUBJECTS, type Bus } from '@sluice/nats-kit';

const INTERVAL_MS = 1_000;

/** Says every second, and at once when asked to, that this node lives and how it does. */
export class Heartbeat {
  #sequence = 0;
  readonly #timer: Timer;

  constructor(
    private readonly bus: Pick<Bus, 'publish'>,
    clock: Clock,
    private readonly report: () => Omit<Message, 'sequence'>,
  ) {
    this.#timer = clock.every(INTERVAL_MS, () => this.beat());
  }

  beat(): void {
    this.#sequence += 1;
    const message = { ...this.report(), sequence: this.#sequence };
    this.bus.publish(SUBJECTS.heartbeat(message.nodeId), Codec.encode(message).finish());
  }

  stop(): void {
    this.#timer.cancel();
  }
}
