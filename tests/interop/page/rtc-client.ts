import type { Command, Kind, PublishWanted, ReceivedSoFar, Reply, VideoCodec } from './commands.js';

type Frame = Readonly<Record<string, unknown>>;

/** What a client needs beside WebRTC. */
export interface Media {
  readonly open: (kind: Kind) => Promise<MediaStream>;
  /** Implementations may decode nothing that nobody plays. */
  readonly play: (track: MediaStreamTrack) => void;
}

/** A stranger's client: the W3C's WebRTC, and the main dialect as it is described. */
export class RtcClient {
  #socket: WebSocket | undefined;
  #room = '';
  #wanted: PublishWanted | undefined;
  #publishing: RTCPeerConnection | undefined;
  readonly #watching = new Map<string, RTCPeerConnection>();
  readonly #tcpOnly = new Set<string>();
  readonly #replies = new Map<number, (reply: Frame) => void>();
  #lastId = 0;

  constructor(private readonly media: Media) {}

  async run(command: Command): Promise<Reply> {
    switch (command.do) {
      case 'connect':
        return this.#connect(command.url, command.token);
      case 'join':
        this.#room = command.room;
        return { node: String((await this.#request({ type: 'join-room' }))['node']) };
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
        await this.#request({ type: 'subscribe-request', publisherId: command.publisher });
        return {};
      case 'received':
        return { received: await this.#received() };
      case 'close':
        this.#close();
        return {};
    }
  }

  async #connect(url: string, token: string): Promise<Reply> {
    const socket = new WebSocket(url);
    this.#socket = socket;
    await new Promise((resolve) => (socket.onopen = resolve));
    const authenticated = new Promise<void>((resolve) => {
      socket.onmessage = ({ data }) => {
        const frame = JSON.parse(String(data)) as Frame;
        if (frame['type'] === 'authenticated') resolve();
        if (frame['type'] === 'subscribe-offer') void this.#answer(frame);
        this.#replies.get(Number(frame['id']))?.(frame);
      };
    });
    socket.send(JSON.stringify({ type: 'auth', token }));
    await authenticated;
    return {};
  }

  async #request(message: Frame): Promise<Frame> {
    this.#lastId += 1;
    const id = this.#lastId;
    const replied = new Promise<Frame>((resolve) => this.#replies.set(id, resolve));
    this.#socket?.send(JSON.stringify({ roomName: this.#room, ...message, id }));
    const reply = await replied;
    if (reply['type'] === 'error') throw new Error(String(reply['message']));
    return reply;
  }

  async #publish(wanted: PublishWanted): Promise<Reply> {
    this.#wanted = wanted;
    this.#publishing = new RTCPeerConnection();
    if (wanted.audio) await this.#add('audio');
    if (wanted.video) await this.#add('video');
    if (wanted.dataChannel) this.#publishing.createDataChannel('anything');
    return this.#offer();
  }

  async #add(kind: Kind): Promise<void> {
    const media = await this.media.open(kind);
    const layers = kind === 'video' ? (this.#wanted?.layers ?? 1) : 1;
    const transceiver = this.#publishing?.addTransceiver(media.getTracks()[0] ?? kind, {
      direction: 'sendonly',
      streams: [media],
      ...(layers > 1 && { sendEncodings: encodings(layers) }),
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
    await connection.setLocalDescription(await connection.createOffer());
    const offer = connection.localDescription?.sdp ?? '';
    const reply = await this.#request({ type: 'publish-offer', offer });
    const answer = String(reply['answer']);
    const sdp = this.#wanted?.tcpOnly ? withoutUdp(answer) : answer;
    await connection.setRemoteDescription({ type: 'answer', sdp });
    return { offer, answer };
  }

  async #answer({ publisherId, purpose, offer }: Frame): Promise<void> {
    const publisher = String(publisherId);
    const connection = this.#watching.get(publisher) ?? new RTCPeerConnection();
    this.#watching.set(publisher, connection);
    connection.ontrack = ({ track }) => this.media.play(track);
    const sdp = this.#tcpOnly.has(publisher) ? withoutUdp(String(offer)) : String(offer);
    await connection.setRemoteDescription({ type: 'offer', sdp });
    await connection.setLocalDescription(await connection.createAnswer());
    const answer = connection.localDescription?.sdp ?? '';
    await this.#request({ type: 'subscribe-answer', publisherId, purpose, answer });
  }

  async #received(): Promise<ReceivedSoFar> {
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
    this.#socket?.close();
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

/** The codec first and what repairs it, then all others. */
function prefer(transceiver: RTCRtpTransceiver, codec: VideoCodec): void {
  const all = RTCRtpSender.getCapabilities('video')?.codecs ?? [];
  const isWanted = ({ mimeType }: RTCRtpCodec) => mimeType.toUpperCase() === `VIDEO/${codec}`;
  const isMedia = ({ mimeType }: RTCRtpCodec) => /\/(VP8|VP9|H264|AV1)$/i.test(mimeType);
  const wanted = all.filter(isWanted);
  if (wanted.length === 0) throw new Error(`it does not send ${codec}`);
  transceiver.setCodecPreferences([...wanted, ...all.filter((one) => !isMedia(one))]);
}

function withoutUdp(sdp: string): string {
  return sdp.replace(/^a=candidate:\S+ \d+ udp .*\r\n/gim, '');
}
