import type { DataConsumer, DataProducer, DirectTransport, WebRtcTransport } from 'mediasoup/types';
import { Resource, Serial, type ResourceEvents } from '@sluice/core';
import { DCEP_ACK, DCEP_PPID, dcepLabel, dcepOpen } from './dcep.js';
import type { HomeRouter } from '../routers/home-router.js';

/** One data channel, whoever opened it. */
export interface DataChannel {
  readonly label: string;
  readonly openedBy: 'client' | 'us';
  /** Whether it could be sent. */
  send(text: string): Promise<boolean>;
}

export interface DataChannelsEvents extends ResourceEvents {
  /** SCTP is up: channels can be opened. */
  connected: [];
  /** The client opened one. */
  opened: [channel: DataChannel];
  /** Binary messages are taken for text, too: some libraries make no difference. */
  message: [channel: DataChannel, text: string];
}

/** How many channels a client may open; mediasoup drops what comes on others. */
const CLIENT_CHANNELS = 8;

/**
 * The data channels of one PeerConnection. mediasoup knows SCTP streams and nothing of channels: the
 * protocol that opens them (RFC 8832) is spoken here, through a transport that leads to this process.
 * A client uses ids of its own parity, odd where it is the DTLS server (RFC 8832 §6), so what it may
 * open is waited for beforehand; mediasoup hands out its own outgoing ids in order, so those in
 * between are taken as well.
 */
export class DataChannels extends Resource<DataChannelsEvents> {
  readonly #outgoing: DataConsumer[] = [];
  readonly #channels = new Map<number, DataChannel>();
  /** mediasoup numbers outgoing streams in the order of the calls. */
  readonly #numbering = new Serial();

  private constructor(
    private readonly transport: WebRtcTransport,
    private readonly direct: DirectTransport,
    private readonly source: DataProducer,
    private readonly clientIsDtlsServer: boolean,
  ) {
    super();
    transport.on('sctpstatechange', (state) => {
      if (state === 'connected') this.emit('connected');
      else if (state === 'failed' || state === 'closed') this.close(`sctp ${state}`);
    });
    transport.observer.once('close', () => this.close('transport closed'));
  }

  /** Before the client hears of the transport, or what it opens at once would be lost. */
  static async open(
    home: HomeRouter,
    transport: WebRtcTransport,
    clientIsDtlsServer: boolean,
  ): Promise<DataChannels> {
    const direct = await home.router.createDirectTransport();
    const source = await direct.produceData({ label: 'to the client' });
    const channels = new DataChannels(transport, direct, source, clientIsDtlsServer);
    if (transport.closed) channels.close('transport closed');
    await Promise.all(
      Array.from({ length: CLIENT_CHANNELS }, (_, index) =>
        channels.#listen(channels.#clientsId(index)),
      ),
    );
    return channels;
  }

  get connected(): boolean {
    return this.transport.sctpState === 'connected';
  }

  /** Opens a channel of ours; only once connected. */
  async openChannel(label: string): Promise<DataChannel> {
    const streamId = this.clientIsDtlsServer ? 0 : 1;
    const channel = this.#channel(streamId, label, 'us');
    await this.#listen(streamId);
    await this.#send(streamId, dcepOpen(label), DCEP_PPID);
    return channel;
  }

  protected override release(): void {
    this.direct.close();
  }

  #clientsId(index: number): number {
    return 2 * index + (this.clientIsDtlsServer ? 1 : 0);
  }

  async #listen(streamId: number): Promise<void> {
    const producer = await this.transport.produceData({
      sctpStreamParameters: { streamId, ordered: true },
    });
    const consumer = await this.direct.consumeData({ dataProducerId: producer.id });
    consumer.on('message', (payload, ppid) => {
      this.#receive(streamId, payload, ppid);
    });
  }

  #receive(streamId: number, payload: Buffer, ppid: number): void {
    if (ppid === DCEP_PPID) {
      const label = dcepLabel(payload);
      if (label !== undefined) this.#onOpen(streamId, label);
      return;
    }
    const channel = this.#channels.get(streamId);
    if (!channel) return;
    this.emit('message', channel, payload.toString('utf8'));
  }

  /** Again on the same stream: the client closed a channel, of which we do not hear, and reuses it. */
  #onOpen(streamId: number, label: string): void {
    const channel = this.#channel(streamId, label, 'client');
    void this.#send(streamId, DCEP_ACK, DCEP_PPID);
    this.emit('opened', channel);
  }

  #channel(streamId: number, label: string, openedBy: DataChannel['openedBy']): DataChannel {
    const channel: DataChannel = {
      label,
      openedBy,
      send: (text) => this.#send(streamId, text, undefined),
    };
    this.#channels.set(streamId, channel);
    return channel;
  }

  /** Fails where the client closed the channel or does not read what it is sent. */
  async #send(streamId: number, message: string | Buffer, ppid: number | undefined) {
    try {
      const consumer = await this.#numbering.run(() => this.#outgoingOn(streamId));
      await consumer.send(message, ppid);
      return true;
    } catch {
      return false;
    }
  }

  async #outgoingOn(streamId: number): Promise<DataConsumer> {
    while (this.#outgoing.length <= streamId) {
      this.#outgoing.push(await this.transport.consumeData({ dataProducerId: this.source.id }));
    }
    const consumer = this.#outgoing[streamId];
    if (!consumer) throw new Error('no such stream');
    return consumer;
  }
}
