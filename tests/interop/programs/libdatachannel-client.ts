import nodeDataChannel, {
  type DataChannel,
  type PeerConnection,
  type RtcConfig,
  type Track,
} from 'node-datachannel';
import type { DataSaid } from '../../browser/page/data-talk.js';
import type {
  Command,
  Kind,
  PublishWanted,
  Relay,
  Reply,
  Talk,
  TalkWanted,
  VideoCodec,
} from '../page/commands.js';
import { Dialect, withoutUdp } from '../page/dialect.js';
import { Decoder, encode } from './rtp-media.js';
import { serve, versionOf } from './serve.js';

const PAYLOAD_TYPES = { OPUS: 111, VP8: 96, VP9: 98, H264: 102 } as const;
const RTP_PAYLOAD_TYPE_MASK = 0x7f;
/** Payload types of RTCP, as far as they are seen beside RTP (RFC 5761). */
const isRtcp = (packet: Buffer) => (packet[1] ?? 0) >= 192 && (packet[1] ?? 0) <= 223;

/** A client of libdatachannel, which has a session description of its own and no RTP of its own. */
class Client {
  readonly #dialect = new Dialect((offer) => this.#answer(offer.publisherId, offer.sdp));
  readonly #watching = new Map<string, PeerConnection>();
  readonly #tcpOnly = new Set<string>();
  readonly #decoders = new Map<Track, Decoder>();
  readonly #kept: unknown[] = [];
  readonly #channels: DataChannel[] = [];
  readonly #heard: string[] = [];
  #configuration: RtcConfig = { iceServers: [], disableAutoNegotiation: true };
  #publishing: PeerConnection | undefined;
  #wanted: PublishWanted | undefined;

  async run(command: Command): Promise<Reply> {
    switch (command.do) {
      case 'connect':
        if (command.relay) this.#relay(command.relay);
        await this.#dialect.connect(command.url, command.token);
        return {};
      case 'join':
        return { node: await this.#dialect.join(command.room) };
      case 'publish':
        return this.#publish(command);
      case 'add':
        await this.#add(command.kind);
        return this.#offer();
      case 'subscribe':
        if (command.tcpOnly) this.#tcpOnly.add(command.publisher);
        await this.#dialect.subscribe(command.publisher);
        return {};
      case 'received':
        return { received: { decodedFrames: this.#decoded('VP8'), audio: this.#decoded('OPUS') } };
      case 'talk':
        return { talk: this.#talk(command) };
      case 'close':
        this.#dialect.close();
        for (const one of [...this.#watching.values(), this.#publishing]) one?.close();
        return {};
      case 'stop':
      case 'restart-ice':
        throw new Error(`there is no way to ${command.do}`);
    }
  }

  #relay({ host, port, username, password }: Relay): void {
    this.#configuration = {
      ...this.#configuration,
      iceServers: [{ hostname: host, port, username, password, relayType: 'TurnUdp' }],
      iceTransportPolicy: 'relay',
    };
  }

  async #publish(wanted: PublishWanted): Promise<Reply> {
    this.#wanted = wanted;
    this.#publishing = new nodeDataChannel.PeerConnection('publishing', this.#configuration);
    if (wanted.audio) await this.#add('audio');
    if (wanted.video) await this.#add('video');
    if (wanted.dataChannel) {
      this.#talkOn(this.#publishing.createDataChannel('talk', { protocol: 'interop' }));
    }
    return this.#offer();
  }

  async #add(kind: Kind): Promise<void> {
    const codec = kind === 'audio' ? 'OPUS' : encoded(this.#wanted?.video);
    const payloadType = PAYLOAD_TYPES[codec];
    const ssrc = 1 + Math.floor(Math.random() * 2 ** 31);
    const media = new nodeDataChannel[kind === 'audio' ? 'Audio' : 'Video'](kind, 'SendOnly');
    if (media instanceof nodeDataChannel.Audio) media.addOpusCodec(payloadType);
    else if (codec === 'H264') media.addH264Codec(payloadType);
    else if (codec === 'VP9') media.addVP9Codec(payloadType);
    else media.addVP8Codec(payloadType);
    media.addSSRC(ssrc, 'client', 'client', kind);
    const track = this.#publishing?.addTrack(media);
    this.#kept.push(track);
    await encode(codec, (packet) => {
      if (!track?.isOpen()) return;
      packet[1] = ((packet[1] ?? 0) & ~RTP_PAYLOAD_TYPE_MASK) | payloadType;
      packet.writeUInt32BE(ssrc, 8);
      track.sendMessageBinary(packet);
    });
  }

  async #offer(): Promise<Reply> {
    const connection = this.#publishing;
    if (!connection) throw new Error('nothing is published');
    connection.setLocalDescription('offer');
    const offer = await described(connection);
    const answer = await this.#dialect.publish(offer);
    connection.setRemoteDescription(this.#wanted?.tcpOnly ? withoutUdp(answer) : answer, 'answer');
    return { offer, answer };
  }

  async #answer(publisher: string, offer: string): Promise<string> {
    const connection =
      this.#watching.get(publisher) ??
      new nodeDataChannel.PeerConnection('watching', this.#configuration);
    this.#watching.set(publisher, connection);
    connection.onTrack((track) => this.#receive(track));
    connection.onDataChannel((channel) => this.#talkOn(channel));
    connection.setRemoteDescription(
      this.#tcpOnly.has(publisher) ? withoutUdp(offer) : offer,
      'offer',
    );
    connection.setLocalDescription('answer');
    return described(connection);
  }

  #receive(track: Track): void {
    track.setMediaHandler(new nodeDataChannel.RtcpReceivingSession());
    track.onMessage((packet) => {
      if (isRtcp(packet)) return;
      const decoder =
        this.#decoders.get(track) ??
        new Decoder(
          track.type() === 'audio' ? 'OPUS' : 'VP8',
          (packet[1] ?? 0) & RTP_PAYLOAD_TYPE_MASK,
        );
      this.#decoders.set(track, decoder);
      void decoder.decode(packet);
    });
    this.#kept.push(track);
  }

  #talkOn(channel: DataChannel): void {
    this.#channels.push(channel);
    channel.onMessage((message) => {
      const text = typeof message === 'string';
      this.#heard.push(text ? `text:${message}` : `binary:${message.byteLength}`);
    });
  }

  #talk({ say = [], hush = false }: TalkWanted): Talk {
    this.#say(say);
    if (hush) for (const channel of this.#channels) channel.close();
    const open = this.#channels.filter((channel) => channel.isOpen());
    const names = open.map((channel) => `${channel.getLabel()}/${channel.getProtocol()}`);
    return { heard: this.#heard, open: names };
  }

  #say(messages: readonly DataSaid[]): void {
    for (const message of messages) {
      for (const channel of this.#channels.filter((one) => one.isOpen())) {
        if ('text' in message) channel.sendMessage(message.text);
        else channel.sendMessageBinary(Buffer.alloc(message.bytes));
      }
    }
  }

  #decoded(codec: 'OPUS' | 'VP8'): number {
    const some = [...this.#decoders.values()].filter((decoder) => decoder.codec === codec);
    return some.reduce((sum, { frames }) => sum + frames, 0);
  }
}

function encoded(codec: VideoCodec = 'VP8') {
  if (codec === 'AV1') throw new Error('there is no AV1');
  return codec;
}

/** With its candidates. */
async function described(connection: PeerConnection): Promise<string> {
  if (connection.gatheringState() !== 'complete') {
    await new Promise<void>((resolve) => {
      connection.onGatheringStateChange((state) => {
        if (state === 'complete') resolve();
      });
    });
  }
  return connection.localDescription()?.sdp ?? '';
}

const client = new Client();
await serve(versionOf('node-datachannel'), (command) => client.run(command));
