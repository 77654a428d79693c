import { signal } from '@preact/signals';
import type { RoomReading, StreamKey } from '../client/index.js';

const KEPT_READINGS = 60;

/** The bitrate of each stream over the last minute, oldest first. */
export class BitrateHistory {
  readonly byStream = signal<ReadonlyMap<StreamKey, readonly number[]>>(new Map());

  add({ received }: RoomReading): void {
    const before = this.byStream.peek();
    this.byStream.value = new Map(
      [...received].map(([key, { flow }]) => {
        const kept = [...(before.get(key) ?? []), flow.bitrateBps].slice(-KEPT_READINGS);
        return [key, kept];
      }),
    );
  }
}
