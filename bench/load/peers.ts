import nodeDataChannel, { type PeerConnection, type Track } from 'node-datachannel';
import { nextPacket, type RtpPosition } from './rtp-packet.js';
import type { Signaling } from './signaling.js';

const PAYLOAD_TYPE = 96;
const SEND_INTERVAL_MS = 5;
const CLOCK_RATE = 90_000;
const CONNECT_TIMEOUT_MS = 15_000;

const openConnection = (name: string) =>
  new nodeDataChannel.PeerConnection(name, { iceServers: [], disableAutoNegotiation: true });

/** Sends VP8-shaped packets at a steady rate while it is told to. */
export class Publisher {
  #timer: NodeJS.Timeout | undefined;
  readonly #position: RtpPosition;

  private constructor(
    private readonly signaling: Signaling,
    private readonly connection: PeerConnection,
    private readonly track: Track,
    ssrc: number,
  ) {
    this.#position = { ssrc, payloadType: PAYLOAD_TYPE, sequenceNumber: 0, timestamp: 0 };
  }

  static async open(signaling: Signaling, room: string): Promise<Publisher> {
    const connection = openConnection('publisher');
    const ssrc = 1 + Math.floor(Math.random() * 2 ** 31);
    const video = new nodeDataChannel.Video('video', 'SendOnly');
    video.addVP8Codec(PAYLOAD_TYPE);
    video.addSSRC(ssrc, 'bench', 'bench', 'video');
    const track = connection.addTrack(video);
    connection.setLocalDescription('offer');
    const reply = await signaling.request({
      type: 'publish-offer',
      roomName: room,
      offer: await localSdp(connection),
    });
    connection.setRemoteDescription(String(reply['answer']), 'answer');
    await connected(connection);
    return new Publisher(signaling, connection, track, ssrc);
  }

  start(packetsPerSecond: number, payloadBytes: number): void {
    const startedAtMs = performance.now();
    let sent = 0;
    this.#timer = setInterval(() => {
      const elapsedMs = performance.now() - startedAtMs;
      for (; sent < (elapsedMs * packetsPerSecond) / 1_000; sent += 1) {
        this.#position.timestamp = (this.#position.timestamp + CLOCK_RATE / packetsPerSecond) >>> 0;
        this.track.sendMessageBinary(nextPacket(this.#position, payloadBytes));
      }
    }, SEND_INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  close(): void {
    this.stop();
    this.connection.close();
    this.signaling.close();
  }
}

/** Receives one stream and counts its packets. */
export class Viewer {
  #packets = 0;

  private constructor(
    private readonly signaling: Signaling,
    private readonly connection: PeerConnection,
  ) {}

  get packets(): number {
    return this.#packets;
  }

  static async open(signaling: Signaling, room: string, publisherId: string): Promise<Viewer> {
    const connection = openConnection('viewer');
    const viewer = new Viewer(signaling, connection);
    const tracks: Track[] = [];
    connection.onTrack((track) => {
      track.onMessage(() => (viewer.#packets += 1));
      tracks.push(track);
    });
    const wanted = { roomName: room, publisherId };
    const reply = await signaling.request({ type: 'subscribe-request', ...wanted });
    connection.setRemoteDescription(String(reply['offer']), 'offer');
    connection.setLocalDescription('answer');
    signaling.send({ type: 'subscribe-answer', ...wanted, answer: await localSdp(connection) });
    await connected(connection);
    return viewer;
  }

  close(): void {
    this.connection.close();
    this.signaling.close();
  }
}

/** Our description once all candidates are in it. */
async function localSdp(connection: PeerConnection): Promise<string> {
  await until(connection, 'gathering', () => connection.gatheringState() === 'complete');
  return connection.localDescription()?.sdp ?? '';
}

function connected(connection: PeerConnection): Promise<void> {
  return until(connection, 'a connection', () => connection.state() === 'connected');
}

async function until(
  connection: PeerConnection,
  what: string,
  reached: () => boolean,
): Promise<void> {
  const late = AbortSignal.timeout(CONNECT_TIMEOUT_MS);
  await new Promise<void>((resolve, reject) => {
    const look = () => {
      if (reached()) resolve();
    };
    late.addEventListener('abort', () => reject(new Error(`waited in vain for ${what}`)));
    connection.onStateChange(look);
    connection.onGatheringStateChange(look);
    look();
  });
}
