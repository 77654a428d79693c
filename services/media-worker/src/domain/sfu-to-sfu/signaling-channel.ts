import { Resource, TokenBucket, type Clock } from '@sluice/core';
import {
  SIGNALING_LABEL,
  parseSignalingMessage,
  writeSignalingMessage,
  type SignalingMessage,
} from '@sluice/protocol';
import type { DataChannel } from '../data/data-channel.js';
import type { DataChannels } from '../data/data-channels.js';

/** What a message is about. */
export type Asked = Pick<SignalingMessage, 'id' | 'callId' | 'deviceId' | 'purpose'>;

/** Of an offer, or an error, that no request stands behind. */
export const NOTHING_ASKED: Asked = { id: '', callId: '', deviceId: '', purpose: '' };

export interface SignalingChannelContext {
  readonly clock: Clock;
  readonly onMessage: (message: SignalingMessage) => void;
  /** There is none to be had, the client closed it, or it does not read what it is sent. */
  readonly onGone: (reason: string) => void;
}

/** How long after SCTP is up a client has to open the channel itself. */
const OPENING_MS = 300;
const MESSAGES_PER_SECOND = 50;
const MESSAGES_BURST = 200;
/** As we open it. */
const SIGNALING = { label: SIGNALING_LABEL, protocol: '', ordered: true };

/** The data channel by which a client of SFU-to-SFU is signaled, whichever side opens it. */
export class SignalingChannel extends Resource {
  readonly #rate: TokenBucket;
  #limited = false;
  /** The one in use: the first on which the client speaks, until then the last that was opened. */
  #channel: DataChannel | undefined;
  #spoken = false;

  constructor(
    private readonly channels: DataChannels,
    private readonly context: SignalingChannelContext,
  ) {
    super();
    this.#rate = new TokenBucket(context.clock, MESSAGES_PER_SECOND, MESSAGES_BURST);
    channels.on('opened', (channel) => this.#onOpened(channel));
    if (channels.connected) this.#openSoon();
    else channels.on('connected', () => this.#openSoon());
  }

  /** Whether the client can be told anything. */
  get open(): boolean {
    return this.#channel !== undefined && !this.closed;
  }

  async sendError(text: string, about: Asked = NOTHING_ASKED): Promise<void> {
    const { id, callId, deviceId, purpose } = about;
    await this.send({ event: 'error', message: text, id, callId, deviceId, purpose, sdp: '' });
  }

  async send(message: Parameters<typeof writeSignalingMessage>[0]): Promise<void> {
    const channel = this.#channel;
    if (!channel || this.closed) return;
    const sent = await channel.sendText(writeSignalingMessage(message));
    if (!sent) this.context.onGone('the signaling channel is gone');
  }

  #openSoon(): void {
    this.context.clock.after(OPENING_MS, () => {
      if (this.closed || this.#channel) return;
      this.channels.openChannel(SIGNALING).then(
        (channel) => {
          this.#channel ??= channel;
          this.#listenTo(channel);
        },
        () => this.context.onGone('no data channel'),
      );
    });
  }

  #onOpened(channel: DataChannel): void {
    if (channel.label !== SIGNALING_LABEL) return;
    if (!this.#spoken) this.#channel = channel;
    this.#listenTo(channel);
  }

  /** Binary messages are taken for text, too: some libraries make no difference. */
  #listenTo(channel: DataChannel): void {
    channel.on('message', ({ payload }) => this.#onMessage(channel, payload.toString('utf8')));
  }

  #onMessage(channel: DataChannel, text: string): void {
    if (!this.#spoken) this.#channel = channel;
    this.#spoken = true;
    // One that answers twice would make every request fail.
    if (channel !== this.#channel || this.closed) return;
    if (!this.#rate.take()) {
      if (!this.#limited) void this.sendError('Server over capacity: too many messages');
      this.#limited = true;
      return;
    }
    this.#limited = false;
    const parsed = parseSignalingMessage(text);
    if (parsed.kind === 'mistake') void this.sendError(parsed.explanation);
    else this.context.onMessage(parsed.message);
  }
}
