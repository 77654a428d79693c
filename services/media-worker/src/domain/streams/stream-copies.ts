import { streamKey, type StreamKey, type StreamName } from '@sluice/core';
import type { StreamCopy } from './stream-copy.js';

/** Every stream that any router of this node holds, origins and edges. */
export class StreamCopies {
  readonly #copies = new Map<string, Map<StreamKey, StreamCopy>>();

  /** Kept until it closes. */
  add(copy: StreamCopy): void {
    const key = streamKey(copy.name);
    const onRouter = this.#copies.get(copy.router.routerId) ?? new Map<StreamKey, StreamCopy>();
    this.#copies.set(copy.router.routerId, onRouter);
    onRouter.set(key, copy);
    copy.onClosed(() => {
      if (onRouter.get(key) === copy) onRouter.delete(key);
    });
  }

  find(routerId: string, name: StreamName): StreamCopy | undefined {
    return this.#copies.get(routerId)?.get(streamKey(name));
  }

  *[Symbol.iterator](): Generator<StreamCopy> {
    for (const onRouter of this.#copies.values()) yield* onRouter.values();
  }
}

/** Brings a stream to a router that wants it; implemented by the relays. */
export interface StreamSource {
  /**
   * The stream's copy on `routerId`: the one that is there, or one fetched over a relay. Ten calls
   * at once open one relay. The copy stays while it is watched, and a linger longer.
   *
   * @throws {SluiceError} NOT_FOUND when nobody publishes it, UNAVAILABLE when it cannot be had now.
   */
  ensure(routerId: string, name: StreamName): Promise<StreamCopy>;
}
