import type { DataConsumer, DataProducer } from 'mediasoup/types';
import { Resource, type ResourceEvents } from '@sluice/core';
import { endConsumer } from '../end-consumer.js';
import type { Channel, DataMessage } from './channel-table.js';
import { PPID, isReliable, type ChannelParameters } from './dcep.js';

export interface DataChannelEvents extends ResourceEvents {
  message: [message: DataMessage];
}

/** Why a channel has ended, where it is not its PeerConnection. */
export const CHANNEL_REASONS = {
  closedByClient: 'closed by the client',
  /** The client reads more slowly than it is sent to, and all messages are to arrive. */
  notRead: 'not read fast enough',
  notAcknowledged: 'not acknowledged',
} as const;

/** One data channel of a PeerConnection. Closing it resets its stream, so the client is told. */
export class DataChannel extends Resource<DataChannelEvents> implements Channel {
  readonly streamId: number;
  readonly parameters: ChannelParameters;
  readonly openedBy: 'client' | 'us';

  constructor(
    channel: Channel,
    private readonly consumer: DataConsumer,
    /** What it forwards. */
    private readonly source: DataProducer,
    /** What comes on a stream of ours; the client's are listened to all the time. */
    private readonly producer?: DataProducer,
  ) {
    super();
    ({ streamId: this.streamId, parameters: this.parameters, openedBy: this.openedBy } = channel);
    consumer.on('sctpsendbufferfull', () => {
      if (isReliable(this.parameters)) this.close(CHANNEL_REASONS.notRead);
    });
    consumer.observer.once('close', () => this.close('transport closed'));
  }

  get label(): string {
    return this.parameters.label;
  }

  /** Whether it could be sent. */
  sendText(text: string): Promise<boolean> {
    return this.send(Buffer.from(text, 'utf8'), text === '' ? PPID.emptyText : PPID.text);
  }

  /** Fails where the client closed the channel or does not read what it is sent. */
  async send(payload: Buffer, ppid: number): Promise<boolean> {
    try {
      await this.consumer.send(payload, ppid);
      return true;
    } catch {
      return false;
    }
  }

  /** Lets through what it forwards, for clients that take messages of those size classes. */
  async forward(sizeClasses: readonly number[]): Promise<void> {
    try {
      await this.consumer.setSubchannels([...sizeClasses]);
    } catch {
      // It closed meanwhile.
    }
  }

  /** Closes it where the client has done so: mediasoup does not tell. */
  async check(): Promise<void> {
    if (this.closed) return;
    try {
      await this.consumer.getBufferedAmount();
    } catch {
      this.close(CHANNEL_REASONS.closedByClient);
    }
  }

  heard(message: DataMessage): void {
    this.emit('message', message);
  }

  protected override release(): void {
    endConsumer(this.consumer, this.source);
    this.producer?.close();
  }
}
