import type { PlainTransport, Producer, RtpParameters } from 'mediasoup/types';
import { Resource, type Clock, type Random, type Timer } from '@sluice/core';
import type { CameraTrack } from './camera-description.js';
import type { Camera, RtpTarget } from './camera.js';
import { carriedProfile } from './h264-profile.js';
import type { HomeRouter } from '../routers/home-router.js';
import type { IncomingStream, IncomingStreamEvents } from '../sessions/incoming-stream.js';
import { IngestFailure } from './ingest-failure.js';
import type { CopyTrack } from '../streams/stream-copy.js';
import type { Measured } from '../traffic.js';

const LOOPBACK = '127.0.0.1';
const PAYLOAD_TYPES = { video: 102, audio: 111 } as const;
/** Some versions of ffmpeg read an SSRC with a sign, others without: below it they agree. */
const FFMPEG_SSRC_MAX = 0x7f_ff_ff_fe;
/** After the first packet of one track: of two, the other may never send, as a muted microphone. */
const SECOND_TRACK_MS = 1_500;

interface Line {
  readonly track: CopyTrack;
  readonly transport: PlainTransport;
  readonly target: RtpTarget;
}

/** A camera's tracks as they come in on loopback: a transport and a producer for each. */
export class Feed extends Resource<IncomingStreamEvents> implements IncomingStream {
  readonly endsWhenEmpty = false;
  readonly connection = undefined;
  readonly feed: Measured;
  #flowing = false;
  #resting = false;
  #timer: Timer | undefined;

  private constructor(
    private readonly camera: Camera,
    private readonly lines: readonly Line[],
    private readonly clock: Clock,
  ) {
    super();
    this.feed = allOf(lines.map(({ transport }) => transport));
    camera.onClosed((reason) => {
      if (!this.#resting) this.close(reason);
    });
    for (const { track, transport } of lines) {
      transport.observer.once('close', () => this.close('transport closed'));
      // The first packet of a stream gives it its first score.
      track.producer.once('score', () => this.#onFirstPacket());
    }
  }

  /** Takes the camera over: it closes with the feed. @throws {IngestFailure} `profile`. */
  static async open(
    home: HomeRouter,
    camera: Camera,
    { clock, random }: { readonly clock: Clock; readonly random: Random },
  ): Promise<Feed> {
    const lines: Line[] = [];
    try {
      for (const track of camera.tracks) lines.push(await openLine(home, track, random));
    } catch (error) {
      for (const { transport } of lines) transport.close();
      camera.close();
      throw error instanceof IngestFailure
        ? error
        : new IngestFailure('unavailable', { cause: error });
    }
    return new Feed(camera, lines, clock);
  }

  get tracks(): readonly CopyTrack[] {
    return this.lines.map(({ track }) => track);
  }

  get flowing(): boolean {
    return this.#flowing;
  }

  /** Plays the camera. @throws {IngestFailure} */
  async start(): Promise<void> {
    await this.camera.start(this.lines.map(({ target }) => target));
  }

  /** Lets the camera go; the tracks stay, and carry nothing. */
  rest(): void {
    this.#resting = true;
    this.camera.close();
  }

  protected override release(): void {
    this.#timer?.cancel();
    for (const { transport } of this.lines) transport.close();
    this.camera.close();
  }

  #onFirstPacket(): void {
    if (this.lines.every(({ track }) => track.producer.score.length > 0)) this.#flows();
    else this.#timer ??= this.clock.after(SECOND_TRACK_MS, () => this.#flows());
  }

  #flows(): void {
    if (this.#flowing) return;
    this.#flowing = true;
    this.emit('flowing');
  }
}

/** As if they were one. */
function allOf(transports: readonly PlainTransport[]): Measured {
  return {
    get closed() {
      return transports.every(({ closed }) => closed);
    },
    getStats: async () => {
      const stats = await Promise.all(transports.map((transport) => transport.getStats()));
      const sum = (key: 'recvBitrate' | 'sendBitrate') =>
        stats.flat().reduce((all, stat) => all + stat[key], 0);
      return [{ recvBitrate: sum('recvBitrate'), sendBitrate: sum('sendBitrate') }];
    },
  };
}

async function openLine(home: HomeRouter, track: CameraTrack, random: Random): Promise<Line> {
  const { kind } = track;
  const ssrc = 1 + Math.floor(random() * FFMPEG_SSRC_MAX);
  const rtpParameters = parametersOf(track, ssrc);
  const transport = await home.router.createPlainTransport({
    listenInfo: { protocol: 'udp', ip: LOOPBACK },
    // ffmpeg sends the two from ports of their own.
    rtcpMux: false,
    comedia: true,
  });
  try {
    const producer: Producer = await transport.produce({ kind, rtpParameters });
    const rtpPort = transport.tuple.localPort;
    const rtcpPort = transport.rtcpTuple?.localPort ?? rtpPort;
    const payloadType = PAYLOAD_TYPES[kind];
    const target = { kind, ip: LOOPBACK, rtpPort, rtcpPort, payloadType, ssrc };
    return { track: { trackId: kind, producer }, transport, target };
  } catch (error) {
    transport.close();
    throw error;
  }
}

function parametersOf({ kind, profileLevelId }: CameraTrack, ssrc: number): RtpParameters {
  const codec =
    kind === 'audio'
      ? {
          mimeType: 'audio/opus',
          clockRate: 48_000,
          channels: 2,
          parameters: { 'sprop-stereo': 1 },
        }
      : {
          mimeType: 'video/H264',
          clockRate: 90_000,
          parameters: {
            'packetization-mode': 1,
            'profile-level-id': carriedProfile(profileLevelId),
            'level-asymmetry-allowed': 1,
          },
        };
  return {
    // No feedback: ffmpeg neither repeats a packet nor can it ask a camera for a keyframe.
    codecs: [{ ...codec, payloadType: PAYLOAD_TYPES[kind], rtcpFeedback: [] }],
    encodings: [{ ssrc }],
    headerExtensions: [],
    rtcp: { cname: `feed-${String(ssrc)}`, reducedSize: true },
  };
}
