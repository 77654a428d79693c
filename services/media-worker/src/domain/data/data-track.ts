import type { DataProducer, DirectTransport } from 'mediasoup/types';
import { Resource } from '@sluice/core';
import type { DataMessage } from './channel-table.js';
import { MESSAGE_MAX_BYTES, sizeClassOf } from './data-message.js';
import { SEAL_BYTES } from './data-seal.js';
import type { ChannelParameters } from './dcep.js';
import type { HomeRouter } from '../routers/home-router.js';

/** One data channel of a stream as one router holds it. */
export interface DataTrack {
  /** The same on every router. */
  readonly trackId: string;
  readonly parameters: ChannelParameters;
  /** What clients of this router are sent. Another one means that messages were lost in between. */
  readonly producer: DataProducer;
  /** The same, encrypted, for pipes to other routers. */
  readonly sealed: () => Promise<SealedData>;
}

export interface SealedData {
  readonly producer: DataProducer;
  readonly key: Uint8Array;
}

/** Where the messages of a data track enter a router. */
export class DataOutlet extends Resource {
  #producer: DataProducer;

  private constructor(
    private readonly direct: DirectTransport,
    producer: DataProducer,
  ) {
    super();
    this.#producer = producer;
    direct.observer.once('close', () => this.close('transport closed'));
  }

  static async open({ router }: HomeRouter): Promise<DataOutlet> {
    const direct = await router.createDirectTransport({
      maxReceiveMessageSize: MESSAGE_MAX_BYTES + SEAL_BYTES,
      maxSendMessageSize: MESSAGE_MAX_BYTES + SEAL_BYTES,
    });
    return new DataOutlet(direct, await direct.produceData());
  }

  get producer(): DataProducer {
    return this.#producer;
  }

  /** Whoever is sent what enters here is so no more; `begin` runs when there is another producer. */
  async renew(begin: () => void): Promise<void> {
    const old = this.#producer;
    this.#producer = await this.direct.produceData();
    begin();
    old.close();
  }

  /** Another way in, for something else. */
  produce(): Promise<DataProducer> {
    return this.direct.produceData();
  }

  /** Tells `listener` all that arrives on a producer of the same router. */
  async hear(producer: DataProducer, listener: (payload: Buffer) => void): Promise<void> {
    const consumer = await this.direct.consumeData({ dataProducerId: producer.id });
    consumer.on('message', listener);
  }

  send({ ppid, payload }: DataMessage): void {
    if (this.closed || this.producer.closed) return;
    this.producer.send(payload, ppid, undefined, sizeClassOf(payload.length));
  }

  protected override release(): void {
    this.direct.close();
  }
}
