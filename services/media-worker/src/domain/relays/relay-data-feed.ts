import type { DataConsumer } from 'mediasoup/types';
import { Resource } from '@sluice/core';
import type { RelayDataTrack } from '@sluice/proto-gen/media_node';
import type { DataTrack, SealedData } from '../data/data-track.js';
import type { Pipe } from '../pipes/pipe.js';
import { reliabilityOf } from '../data/sctp-stream.js';
import { endConsumer } from '../end-consumer.js';

interface FedTrack {
  readonly track: DataTrack;
  readonly sealed: SealedData;
  readonly consumer: DataConsumer;
}

/**
 * The data tracks of a copy on their way into a pipe. They are few and small, so they flow for as
 * long as the relay is there: a pause would look like messages that were lost.
 */
export class RelayDataFeed extends Resource {
  readonly #fed = new Map<string, FedTrack>();

  constructor(private readonly pipe: Pipe) {
    super();
  }

  get list(): RelayDataTrack[] {
    return [...this.#fed.values()].map(({ track: { trackId, parameters }, sealed, consumer }) => ({
      trackId,
      ...parameters,
      streamId: consumer.sctpStreamParameters?.streamId ?? 0,
      key: Buffer.from(sealed.key),
    }));
  }

  /** One pass; mediasoup's errors are for the caller. */
  async follow(tracks: ReadonlyMap<string, DataTrack>): Promise<void> {
    for (const [trackId, fed] of [...this.#fed]) {
      if (tracks.has(trackId) && !fed.consumer.closed) continue;
      this.#fed.delete(trackId);
      endFed(fed);
    }
    for (const track of [...tracks.values()]) await this.#feed(track);
  }

  protected override release(): void {
    for (const fed of this.#fed.values()) endFed(fed);
  }

  async #feed(track: DataTrack): Promise<void> {
    if (this.closed || this.pipe.transport.sctpParameters === undefined) return;
    const sealed = await track.sealed();
    const before = this.#fed.get(track.trackId);
    if (before?.sealed.producer === sealed.producer) return;
    if (sealed.producer.closed) return;
    const consumer = await this.pipe.transport.consumeData({
      dataProducerId: sealed.producer.id,
      ...reliabilityOf(track.parameters),
    });
    if (before) endFed(before);
    const fed = { track, sealed, consumer };
    if (isClosed(this)) endFed(fed);
    else this.#fed.set(track.trackId, fed);
  }
}

// A function, because the compiler takes what it saw before an await for still true.
function isClosed(resource: { readonly closed: boolean }): boolean {
  return resource.closed;
}

function endFed({ consumer, sealed }: FedTrack): void {
  endConsumer(consumer, sealed.producer);
}
