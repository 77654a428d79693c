import type { DataProducer, DirectTransport, WebRtcTransport } from 'mediasoup/types';
import { Resource, SluiceError, type Clock, type ResourceEvents, type Timer } from '@sluice/core';
import { ChannelTable, type Channel, type DataMessage, type Heard } from './channel-table.js';
import { CHANNEL_REASONS, DataChannel } from './data-channel.js';
import { MESSAGE_MAX_BYTES } from './data-message.js';
import type { DataRate } from './data-rate.js';
import { PPID, isReliable, type ChannelParameters } from './dcep.js';
import type { HomeRouter } from '../routers/home-router.js';
import { consumeDataOn, reliabilityOf } from './sctp-stream.js';

export interface DataChannelsEvents extends ResourceEvents {
  /** SCTP is up: channels can be opened. */
  connected: [];
  /** The client opened one. */
  opened: [channel: DataChannel];
  /** Something that the client did with them was refused. */
  refused: [error: SluiceError];
}

export interface DataChannelsOptions {
  readonly clock: Clock;
  readonly clientIsDtlsServer: boolean;
  /** How many the client may have open at a time. */
  readonly clientChannelsMax: number;
  /** What it may send on them. */
  readonly rate?: DataRate | undefined;
}

/** What a channel of ours forwards. */
export interface ForwardedData {
  readonly producer: DataProducer;
  readonly sizeClasses: readonly number[];
}

/**
 * Ids of the client's that are listened to beyond those that it has used: mediasoup drops the rest.
 * More than a client may have open, so that it hears when it opens too many.
 */
const LISTEN_AHEAD = 24;
const CLIENT_IDS_MAX = 256;
/** mediasoup does not tell that a client closed a channel, so it is asked. */
const CHECK_MS = 2_000;
/** How long a stream is not listened to on which too much came. */
const PENALTY_MS = 1_000;
/** Larger than any message may be, so that it is seen and refused, and not dropped silently. */
const RECEIVE_MAX_BYTES = 4 * MESSAGE_MAX_BYTES;

/**
 * The data channels of one PeerConnection. mediasoup knows SCTP streams and nothing of channels: the
 * protocol that opens them (RFC 8832) is spoken here, through a transport that leads to this process.
 * A client may open a channel on any id of its own, so what it may use next is listened to beforehand.
 */
export class DataChannels extends Resource<DataChannelsEvents> {
  readonly #table: ChannelTable;
  readonly #channels = new Map<number, DataChannel>();
  /** What came on channels that are being made here. */
  readonly #early = new Map<number, DataMessage[]>();
  /** To be done once the client knows a channel of ours. */
  readonly #acknowledgements = new Map<number, () => void>();
  #listening = 0;
  #timer: Timer | undefined;
  #toldAtMs = -Infinity;

  private constructor(
    private readonly transport: WebRtcTransport,
    private readonly direct: DirectTransport,
    /** Sends nothing: mediasoup sends what somebody produces, and our own words are nobody's. */
    private readonly nothing: DataProducer,
    private readonly options: DataChannelsOptions,
  ) {
    super();
    const { clock, clientIsDtlsServer, clientChannelsMax } = options;
    const ours = clientIsDtlsServer ? 'even' : 'odd';
    this.#table = new ChannelTable({ ours, clientChannelsMax, clock });
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
    options: DataChannelsOptions,
  ): Promise<DataChannels> {
    const direct = await home.router.createDirectTransport({
      maxSendMessageSize: RECEIVE_MAX_BYTES,
    });
    const nothing = await direct.produceData();
    const channels = new DataChannels(transport, direct, nothing, options);
    if (transport.closed) channels.close('transport closed');
    await channels.#listenAhead(-1);
    channels.#checkLater();
    return channels;
  }

  get connected(): boolean {
    return this.transport.sctpState === 'connected' && !this.closed;
  }

  /** Those that the client has opened. */
  get clients(): readonly DataChannel[] {
    return [...this.#channels.values()].filter(({ openedBy }) => openedBy === 'client');
  }

  /**
   * Opens a channel of ours; only once connected. What it forwards flows as soon as the client knows
   * the channel.
   *
   * @throws {SluiceError} CAPACITY_EXHAUSTED, UNAVAILABLE.
   */
  async openChannel(
    parameters: ChannelParameters,
    forwarded?: ForwardedData,
  ): Promise<DataChannel> {
    const idsMax = this.transport.sctpNegotiatedCapabilities?.negotiatedMaxOutboundStreams;
    const opened = this.#table.open(parameters, idsMax ?? Infinity);
    if (!opened) throw new SluiceError('CAPACITY_EXHAUSTED', 'too many data channels');
    const [channel, request] = opened;
    const { streamId } = channel;
    const source = forwarded?.producer ?? this.nothing;
    try {
      const producer = await this.#listen(streamId);
      const consumer = await consumeDataOn(this.transport, streamId, {
        dataProducerId: source.id,
        ...reliabilityOf(parameters),
      });
      const made = this.#keep(new DataChannel(channel, consumer, source, producer), channel);
      // One after the other, in the order in which the worker hears it.
      const sent = made.send(request, PPID.dcep);
      if (forwarded && isReliable(parameters)) void made.forward(forwarded.sizeClasses);
      else if (forwarded) this.#forwardOnceAcknowledged(made, forwarded);
      await sent;
      return made;
    } catch (error) {
      this.#table.forget(streamId);
      throw new SluiceError('UNAVAILABLE', 'no data channel', {}, { cause: error });
    }
  }

  protected override release(): void {
    this.#timer?.cancel();
    this.direct.close();
  }

  /** What may overtake our request must not (RFC 8832 §6). */
  #forwardOnceAcknowledged(channel: DataChannel, { sizeClasses }: ForwardedData): void {
    const { streamId } = channel;
    this.#acknowledgements.set(streamId, () => void channel.forward(sizeClasses));
    channel.onClosed(() => this.#acknowledgements.delete(streamId));
    if (this.#table.isAcknowledged(streamId)) this.#onAcknowledged(streamId);
  }

  #onAcknowledged(streamId: number): void {
    this.#acknowledgements.get(streamId)?.();
    this.#acknowledgements.delete(streamId);
  }

  async #listenAhead(usedIndex: number): Promise<void> {
    const until = Math.min(usedIndex + 1 + LISTEN_AHEAD, CLIENT_IDS_MAX);
    const indexes = [];
    for (; this.#listening < until; this.#listening += 1) indexes.push(this.#listening);
    await Promise.all(indexes.map((index) => this.#listen(this.#table.clientsId(index))));
  }

  async #listen(streamId: number): Promise<DataProducer> {
    const producer = await this.transport.produceData({
      sctpStreamParameters: { streamId, ordered: true },
    });
    const consumer = await this.direct.consumeData({ dataProducerId: producer.id });
    consumer.on('message', (payload, ppid) => {
      if (this.#admit(streamId, producer, payload)) this.#hear(streamId, ppid, payload);
    });
    return producer;
  }

  /** What is too much or too large never gets further, and costs its channel where all was to arrive. */
  #admit(streamId: number, producer: DataProducer, payload: Buffer): boolean {
    const { rate, clock } = this.options;
    const channel = this.#channels.get(streamId);
    if (payload.length > MESSAGE_MAX_BYTES) {
      this.#refuse('TOO_LARGE', `a message has at most ${String(MESSAGE_MAX_BYTES)} bytes`);
    } else if (rate?.take(payload.length) === false) {
      this.#refuse('RATE_LIMITED', 'too much data');
      if (!producer.closed) producer.pause().catch(() => undefined);
      clock.after(PENALTY_MS, () => {
        if (!producer.closed) producer.resume().catch(() => undefined);
      });
    } else {
      return true;
    }
    if (!channel || isReliable(channel.parameters)) channel?.close('too much data');
    return false;
  }

  #hear(streamId: number, ppid: number, payload: Buffer): void {
    const heard = this.#table.receive(streamId, ppid, payload);
    if (heard.kind === 'opened') void this.#onOpened(heard);
    else if (heard.kind === 'acknowledged') this.#onAcknowledged(streamId);
    else if (heard.kind === 'message') this.#onMessage(heard);
    else if (heard.kind === 'refused') void this.#onRefused(streamId, heard.reason);
  }

  #onMessage({ channel, message }: Extract<Heard, { kind: 'message' }>): void {
    this.#onAcknowledged(channel.streamId);
    const known = this.#channels.get(channel.streamId);
    if (known) known.heard(message);
    else this.#early.get(channel.streamId)?.push(message);
  }

  /** Again on the same stream: the client has closed a channel and uses its id anew. */
  async #onOpened({ channel, reply }: Extract<Heard, { kind: 'opened' }>): Promise<void> {
    const { streamId } = channel;
    this.#channels.get(streamId)?.close(CHANNEL_REASONS.closedByClient);
    const early: DataMessage[] = [];
    this.#early.set(streamId, early);
    try {
      void this.#listenAhead(Math.floor(streamId / 2)).catch(() => undefined);
      const consumer = await consumeDataOn(this.transport, streamId, {
        dataProducerId: this.nothing.id,
        ordered: true,
      });
      if (this.#table.find(streamId) !== channel) {
        consumer.close();
        return;
      }
      this.#early.delete(streamId);
      const made = this.#keep(new DataChannel(channel, consumer, this.nothing), channel);
      void made.send(reply, PPID.dcep);
      this.emit('opened', made);
      for (const message of early) made.heard(message);
    } catch {
      // The transport is gone, and the channel with it.
      if (this.#table.find(streamId) === channel) this.#table.forget(streamId);
    }
  }

  /** Resets the stream, which is how a channel is refused. */
  async #onRefused(
    streamId: number,
    reason: Extract<Heard, { kind: 'refused' }>['reason'],
  ): Promise<void> {
    if (reason === 'too many') this.#refuse('RATE_LIMITED', 'too many data channels');
    else this.#refuse('INVALID_ARGUMENT', `a data channel was refused: ${reason}`);
    const channel = this.#channels.get(streamId);
    if (channel) {
      channel.close(reason);
      return;
    }
    try {
      const consumer = await consumeDataOn(this.transport, streamId, {
        dataProducerId: this.nothing.id,
        ordered: true,
      });
      consumer.close();
    } catch {
      // Two at once, or the transport is gone.
    }
  }

  #keep(channel: DataChannel, entry: Channel): DataChannel {
    const { streamId } = channel;
    this.#channels.set(streamId, channel);
    channel.onClosed(() => {
      if (this.#channels.get(streamId) === channel) this.#channels.delete(streamId);
      // Where the client has opened another one on it, that stays.
      if (this.#table.find(streamId) === entry) this.#table.forget(streamId);
    });
    return this.own(channel);
  }

  /** Told once a second. */
  #refuse(code: 'TOO_LARGE' | 'RATE_LIMITED' | 'INVALID_ARGUMENT', message: string): void {
    const nowMs = this.options.clock.nowMs();
    if (nowMs - this.#toldAtMs < PENALTY_MS) return;
    this.#toldAtMs = nowMs;
    this.emit('refused', new SluiceError(code, message));
  }

  #checkLater(): void {
    if (this.closed) return;
    this.#timer = this.options.clock.after(CHECK_MS, () => {
      for (const channel of this.#channels.values()) void channel.check();
      this.#repeat();
      this.#checkLater();
    });
  }

  #repeat(): void {
    for (const { channel, message } of this.#table.repeats()) {
      const made = this.#channels.get(channel.streamId);
      if (message === 'lost') made?.close(CHANNEL_REASONS.notAcknowledged);
      else void made?.send(message, PPID.dcep);
    }
  }
}
