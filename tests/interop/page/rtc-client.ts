import type {
  Command,
  Kind,
  PublishWanted,
  ReceivedSoFar,
  Relay,
  Reply,
  Talk,
  TalkWanted,
  VideoCodec,
} from './commands.js';
import { DataTalk } from '../../browser/page/data-talk.js';
import { Dialect, withoutUdp, type Frame } from './dialect.js';

/** What a client needs beside WebRTC. */
export interface Media {
  readonly open: (kind: Kind, codec?: VideoCodec) => Promise<MediaStream>;
  /** Implementations may decode nothing that nobody plays. */
  readonly play: (track: MediaStreamTrack) => void;
  /** For implementations whose statistics do not tell. */
  readonly received?: () => ReceivedSoFar;
}

/** A stranger's client: the W3C's WebRTC, and the main dialect as it is described. */
export class RtcClient {
  readonly #dialect = new Dialect((offer) => this.#answer(offer.publisherId, offer.sdp));
  #configuration: RTCConfiguration = {};
  #wanted: PublishWanted | undefined;
  #publishing: RTCPeerConnection | undefined;
  readonly #watching = new Map<string, RTCPeerConnection>();
  readonly #tcpOnly = new Set<string>();
  readonly #talk = new DataTalk();

  constructor(private readonly media: Media) {}

  async run(command: Command): Promise<Reply> {
    switch (command.do) {
      case 'connect':
        if (command.relay) this.#configuration = relayed(command.relay);
        await this.#dialect.connect(command.url, command.token);
        return {};
      case 'join':
        return { node: await this.#dialect.join(command.room) };
      case 'publish':
        return this.#publish(command);
      case 'add':
        await this.#add(command.kind);
        return this.#offer();
      case 'stop':
        this.#stop(command.kind);
        return this.#offer();
      case 'restart-ice':
        this.#publishing?.restartIce();
        return this.#offer();
      case 'subscribe':
        if (command.tcpOnly) this.#tcpOnly.add(command.publisher);
        await this.#dialect.subscribe(command.publisher);
        return {};
      case 'received':
        return { received: await this.#received() };
      case 'talk':
        return { talk: this.#takePart(command) };
      case 'close':
        this.#close();
        return {};
    }
  }

  #takePart({ say = [], hush = false }: TalkWanted): Talk {
    this.#talk.say(say);
    if (hush) this.#talk.hush();
    return { heard: this.#talk.heard, open: this.#talk.open };
  }

  async #publish(wanted: PublishWanted): Promise<Reply> {
    this.#wanted = wanted;
    this.#publishing = new RTCPeerConnection(this.#configuration);
    if (wanted.audio) await this.#add('audio');
    if (wanted.video) await this.#add('video');
    if (wanted.dataChannel) {
      this.#talk.add(this.#publishing.createDataChannel('talk', { protocol: 'interop' }));
    }
    return this.#offer();
  }

  async #add(kind: Kind): Promise<void> {
    const media = await this.media.open(kind, this.#wanted?.video);
    const layers = kind === 'video' ? (this.#wanted?.layers ?? 1) : 1;
    const transceiver = this.#publishing?.addTransceiver(media.getTracks()[0] ?? kind, {
      direction: 'sendonly',
      streams: [media],
      ...(layers > 1 && !this.#wanted?.bySsrcs && { sendEncodings: encodings(layers) }),
    });
    const codec = this.#wanted?.video;
    if (kind === 'video' && transceiver && codec) prefer(transceiver, codec);
  }

  #stop(kind: Kind): void {
    for (const transceiver of this.#publishing?.getTransceivers() ?? []) {
      if (transceiver.sender.track?.kind === kind) transceiver.stop();
    }
  }

  async #offer(): Promise<Reply> {
    const connection = this.#publishing;
    if (!connection) throw new Error('nothing is published');
    const created = await connection.createOffer();
    const sdp = this.#wanted?.bySsrcs ? withSsrcLayers(created.sdp ?? '') : undefined;
    await connection.setLocalDescription(sdp === undefined ? created : { type: 'offer', sdp });
    const offer = connection.localDescription?.sdp ?? '';
    const answer = await this.#dialect.publish(offer);
    const reachable = this.#wanted?.tcpOnly ? withoutUdp(answer) : answer;
    await connection.setRemoteDescription({ type: 'answer', sdp: reachable });
    return { offer, answer };
  }

  async #answer(publisher: string, offer: string): Promise<string> {
    const connection = this.#watching.get(publisher) ?? new RTCPeerConnection(this.#configuration);
    this.#watching.set(publisher, connection);
    connection.ontrack = ({ track }) => this.media.play(track);
    connection.ondatachannel = ({ channel }) => this.#talk.add(channel);
    const sdp = this.#tcpOnly.has(publisher) ? withoutUdp(offer) : offer;
    await connection.setRemoteDescription({ type: 'offer', sdp });
    await connection.setLocalDescription(await connection.createAnswer());
    return connection.localDescription?.sdp ?? '';
  }

  async #received(): Promise<ReceivedSoFar> {
    if (this.media.received) return this.media.received();
    let [decodedFrames, audio] = [0, 0];
    for (const connection of this.#watching.values()) {
      for (const entry of (await connection.getStats()).values() as Iterable<Frame>) {
        if (entry['type'] !== 'inbound-rtp') continue;
        if (entry['kind'] === 'video') decodedFrames += Number(entry['framesDecoded'] ?? 0);
        if (entry['kind'] === 'audio') audio += Number(entry['totalSamplesReceived'] ?? 0);
      }
    }
    return { decodedFrames, audio };
  }

  #close(): void {
    this.#dialect.close();
    for (const connection of [...this.#watching.values(), this.#publishing]) connection?.close();
  }
}

/** From the smallest to the full size. */
function encodings(layers: number): RTCRtpEncodingParameters[] {
  return Array.from({ length: layers }, (_, index) => ({
    rid: `r${index}`,
    scaleResolutionDownBy: 2 ** (layers - 1 - index),
  }));
}

/** A second layer beside the one source, as libwebrtc takes it from who rewrites its offers. */
function withSsrcLayers(sdp: string): string {
  const [, first, repairing] = /^a=ssrc-group:FID (\d+) (\d+)\r\n/m.exec(sdp) ?? [];
  const about = (ssrc?: string) => [...sdp.matchAll(new RegExp(`^a=ssrc:${ssrc} .*\r\n`, 'gm'))];
  const next = (ssrc?: string) => String((Number(ssrc) + 1) % 2 ** 32);
  const sources = [first, repairing].flatMap((ssrc) =>
    about(ssrc).map(([line]) => line.replace(`a=ssrc:${ssrc} `, `a=ssrc:${next(ssrc)} `)),
  );
  const last = about(repairing).at(-1)?.[0] ?? '';
  const groups = [
    `a=ssrc-group:FID ${next(first)} ${next(repairing)}\r\n`,
    `a=ssrc-group:SIM ${first} ${next(first)}\r\n`,
  ];
  return sdp.replace(last, [last, ...sources, ...groups].join(''));
}

/** The codec first and what repairs it, then all others. */
function prefer(transceiver: RTCRtpTransceiver, codec: VideoCodec): void {
  const all = RTCRtpSender.getCapabilities('video')?.codecs ?? [];
  const isWanted = ({ mimeType }: RTCRtpCodec) => mimeType.toUpperCase() === `VIDEO/${codec}`;
  const isMedia = ({ mimeType }: RTCRtpCodec) => /\/(VP8|VP9|H264|AV1)$/i.test(mimeType);
  const wanted = all.filter(isWanted);
  if (wanted.length === 0) throw new Error(`it does not send ${codec}`);
  transceiver.setCodecPreferences([...wanted, ...all.filter((one) => !isMedia(one))]);
}

function relayed({ host, port, username, password }: Relay): RTCConfiguration {
  const urls = [`turn:${host}:${port}?transport=udp`];
  return { iceServers: [{ urls, username, credential: password }], iceTransportPolicy: 'relay' };
}
