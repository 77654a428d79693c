import nodeDataChannel, {
  type DataChannel,
  type DataChannelInitConfig,
  type PeerConnection,
} from 'node-datachannel';
import { eventually } from '@sluice/testing';

export type Said = string | Buffer;

/** A channel of a client, and what it hears on it. */
export class PeerChannel {
  readonly heard: Said[] = [];
  closed = false;

  constructor(readonly channel: DataChannel) {
    channel.onMessage((message) => {
      this.heard.push(typeof message === 'string' ? message : Buffer.from(message as Buffer));
    });
    channel.onClosed(() => (this.closed = true));
  }

  get label(): string {
    return this.channel.getLabel();
  }

  async opened(): Promise<this> {
    await eventually(() => (this.channel.isOpen() ? undefined : 'it is not open'), 15_000);
    return this;
  }

  say(message: Said): void {
    if (typeof message === 'string') this.channel.sendMessage(message);
    else this.channel.sendMessageBinary(message);
  }

  async hears(messages: readonly Said[]): Promise<void> {
    const wanted = messages.map(sizeOf).join();
    await eventually(() => {
      const heard = this.heard.map(sizeOf).join();
      return heard === wanted ? undefined : `heard ${heard} instead of ${wanted}`;
    }, 15_000);
  }

  async ends(): Promise<void> {
    await eventually(() => (this.closed ? undefined : `${this.label} is open`), 15_000);
  }
}

function sizeOf(said: Said): string {
  return typeof said === 'string' ? `'${said.slice(0, 20)}'` : `${String(said.length)} bytes`;
}

/** A client that is libdatachannel's: no browser, and none of our code. */
export class DataPeer {
  readonly channels: PeerChannel[] = [];
  readonly #connection: PeerConnection;

  constructor(name: string) {
    this.#connection = new nodeDataChannel.PeerConnection(name, {
      iceServers: [],
      disableAutoNegotiation: true,
    });
    this.#connection.onDataChannel((channel) => this.channels.push(new PeerChannel(channel)));
  }

  open(label: string, how: DataChannelInitConfig = {}): PeerChannel {
    return new PeerChannel(this.#connection.createDataChannel(label, how));
  }

  /** The channel of that place among those that were opened towards it. */
  async given(index: number): Promise<PeerChannel> {
    await eventually(() => (this.channels[index] ? undefined : 'there is no such channel'), 15_000);
    return this.channels[index]!.opened();
  }

  offer(): Promise<string> {
    this.#connection.setLocalDescription('offer');
    return this.#described();
  }

  accept(answer: string): void {
    this.#connection.setRemoteDescription(answer, 'answer');
  }

  answer(offer: string): Promise<string> {
    this.#connection.setRemoteDescription(offer, 'offer');
    this.#connection.setLocalDescription('answer');
    return this.#described();
  }

  close(): void {
    this.#connection.close();
  }

  async #described(): Promise<string> {
    const connection = this.#connection;
    await eventually(
      () => (connection.gatheringState() === 'complete' ? undefined : 'it gathers'),
      15_000,
    );
    return connection.localDescription()?.sdp ?? '';
  }
}
