import { createSocket, type Socket } from 'node:dgram';
import nodeDataChannel, {
  type DataChannel,
  type PeerConnection,
  type Track,
  type Video,
} from 'node-datachannel';
import { TokenBucket, systemClock } from '@sluice/core';
import type { FromAgent, MediaLine, ToAgent } from './agent-messages.js';

/** Of a gathering that does not end, what there is must do. */
const GATHERING_MS = 3_000;

/** Larger ones end the connection; an answer is smaller by far. */
const MESSAGE_MAX_BYTES = 128 * 1024;
/** What a server says on its channels; one that says more is not listened to any longer. */
const MESSAGES_PER_SECOND = 50;
const MESSAGES_BURST = 200;
const SAID_BYTES_PER_SECOND = 256 * 1024;
const SAID_BYTES_BURST = 1024 * 1024;
/** Channels that it opens, of whatever label. */
const CHANNELS_MAX = 8;
const TRACKS_MAX = 8;

/** Payload types in our offers. */
const OPUS = 111;
const CLOCK_RATE = 90_000;

/**
 * One PeerConnection to another server, with a full ICE agent. RTP and RTCP pass between it and one
 * UDP socket on the loopback as they are; nobody here looks into them.
 */
export class AgentPeer {
  readonly #connection: PeerConnection;
  readonly #socket: Socket;
  readonly #tracks: Track[] = [];
  readonly #channels = new Map<string, DataChannel>();
  readonly #labels = new Set<string>();
  readonly #messages = new TokenBucket(systemClock, MESSAGES_PER_SECOND, MESSAGES_BURST);
  readonly #saidBytes = new TokenBucket(systemClock, SAID_BYTES_PER_SECOND, SAID_BYTES_BURST);
  readonly #mediaBytes: TokenBucket;
  readonly #id: number;
  #channelsOfTheirs = 0;
  #closed = false;

  constructor(
    { peer: id, target, mediaLimitBps }: Extract<ToAgent, { type: 'open' }>,
    private readonly tell: (message: FromAgent) => void,
  ) {
    this.#id = id;
    this.#mediaBytes = new TokenBucket(systemClock, mediaLimitBps / 8, mediaLimitBps / 8);
    this.#connection = new nodeDataChannel.PeerConnection(`peer-${String(id)}`, {
      iceServers: [],
      maxMessageSize: MESSAGE_MAX_BYTES,
      disableAutoNegotiation: true,
      // The first offer is of data alone, and DTLS is asked for SRTP keys only once.
      forceMediaTransport: true,
    });
    this.#connection.onStateChange((state) => {
      if (['disconnected', 'failed', 'closed'].includes(state)) this.#end(state);
    });
    this.#connection.onDataChannel((channel) => this.#takeTheirs(channel));
    this.#connection.onTrack((track) => this.#receive(track));
    this.#socket = createSocket('udp4');
    this.#socket.on('error', (error) => this.#end(error.message));
    // Only RTCP comes this way: reports and keyframe requests of who receives.
    this.#socket.on('message', (packet) => this.#send(packet));
    this.#socket.bind(0, target.ip, () => {
      this.#socket.connect(target.port, target.ip, () => {
        tell({ type: 'bridged', peer: id, port: this.#socket.address().port });
      });
    });
  }

  handle(message: Exclude<ToAgent, { type: 'open' }>): void {
    switch (message.type) {
      case 'openChannel':
        this.#labels.add(message.label);
        this.#take(this.#connection.createDataChannel(message.label), 'us');
        break;
      case 'offer':
        void this.#answer(message.request, () => this.#offer(message.receive));
        break;
      case 'accept':
        void this.#answer(message.request, () => {
          this.#connection.setRemoteDescription(message.sdp, 'answer');
          return Promise.resolve('');
        });
        break;
      case 'say': {
        const channel = this.#channels.get(message.label);
        if (channel?.isOpen()) channel.sendMessage(message.text);
        break;
      }
      case 'close':
        this.#end('closed');
        break;
    }
  }

  async #answer(request: number, task: () => Promise<string>): Promise<void> {
    try {
      this.tell({ type: 'done', peer: this.#id, request, sdp: await task() });
    } catch (error) {
      const why = error instanceof Error ? error.message : 'failed';
      this.tell({ type: 'failed', peer: this.#id, request, why });
    }
  }

  async #offer(receive: readonly MediaLine[]): Promise<string> {
    for (const { mid, kind } of receive) {
      if (kind === 'audio') {
        const audio = new nodeDataChannel.Audio(mid, 'RecvOnly');
        audio.addOpusCodec(OPUS);
        this.#receive(this.#connection.addTrack(audio));
      } else {
        const video = new nodeDataChannel.Video(mid, 'RecvOnly');
        addVideoCodecs(video);
        this.#receive(this.#connection.addTrack(video));
      }
    }
    this.#connection.setLocalDescription('offer');
    await this.#gathered();
    return this.#connection.localDescription()?.sdp ?? '';
  }

  #gathered(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, GATHERING_MS);
      const look = () => {
        if (this.#connection.gatheringState() !== 'complete') return;
        clearTimeout(timer);
        resolve();
      };
      this.#connection.onGatheringStateChange(look);
      look();
    });
  }

  #receive(track: Track): void {
    if (this.#tracks.length >= TRACKS_MAX) return;
    this.#tracks.push(track);
    track.onMessage((packet) => {
      if (!this.#closed && this.#mediaBytes.take(packet.length)) this.#socket.send(packet);
    });
  }

  #send(packet: Buffer): void {
    const track = this.#tracks.find((candidate) => candidate.isOpen());
    if (!this.#closed) track?.sendMessageBinary(packet);
  }

  /** Only of a label that we speak ourselves. */
  #takeTheirs(channel: DataChannel): void {
    this.#channelsOfTheirs += 1;
    if (this.#channelsOfTheirs > CHANNELS_MAX) this.#end('too many channels');
    else if (this.#labels.has(channel.getLabel())) this.#take(channel, 'them');
    else channel.close();
  }

  #take(channel: DataChannel, by: 'us' | 'them'): void {
    const label = channel.getLabel();
    const opened = () => {
      // Of two of one label the first that opens.
      if (this.#channels.has(label)) return;
      this.#channels.set(label, channel);
      this.tell({ type: 'channelOpened', peer: this.#id, label, by });
    };
    channel.onOpen(opened);
    channel.onMessage((message) => this.#hear(label, message));
    if (channel.isOpen()) opened();
  }

  #hear(label: string, message: string | Buffer | ArrayBuffer): void {
    if (this.#closed) return;
    const bytes = typeof message === 'string' ? message.length : message.byteLength;
    if (bytes > MESSAGE_MAX_BYTES || !this.#messages.take() || !this.#saidBytes.take(bytes)) {
      this.#end('it says too much');
      return;
    }
    this.tell({ type: 'heard', peer: this.#id, label, text: textOf(message) });
  }

  #end(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
    this.#connection.close();
    this.tell({ type: 'ended', peer: this.#id, reason });
  }
}

/** Each with its RTX. */
function addVideoCodecs(video: Video): void {
  video.addVP8Codec(96);
  video.addRTXCodec(97, 96, CLOCK_RATE);
  video.addVP9Codec(98);
  video.addRTXCodec(99, 98, CLOCK_RATE);
  const profile = 'profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1';
  video.addH264Codec(102, profile);
  video.addRTXCodec(103, 102, CLOCK_RATE);
}

function textOf(message: string | Buffer | ArrayBuffer): string {
  if (typeof message === 'string') return message;
  return Buffer.from(message as ArrayBuffer).toString('utf8');
}
