import { spawn, type ChildProcess } from 'node:child_process';
import { Resource } from '@sluice/core';
import { TargetRefusal, type TargetPolicy } from '@sluice/service-kit';
import { readDescription, type CameraTrack } from '../domain/ingests/camera-description.js';
import type { Camera, Cameras, RtpTarget } from '../domain/ingests/camera.js';
import { EvenTimestamps } from '../domain/ingests/even-timestamps.js';
import { IngestFailure, type IngestFailureKind } from '../domain/ingests/ingest-failure.js';
import { parseCameraUrl } from './camera-url.js';
import { ffmpegArguments } from './ffmpeg-arguments.js';
import { FfmpegDoor } from './ffmpeg-door.js';
import { FfmpegWords } from './ffmpeg-words.js';
import { Reordering } from './reordering.js';
import { RtspConnection, type RtspTimes } from './rtsp-connection.js';

export interface RtspCamerasOptions {
  readonly policy: TargetPolicy;
  /** ffmpeg's executable. */
  readonly ffmpeg: string;
  readonly times?: RtspTimes;
}

const TIMES: RtspTimes = { answerMs: 8_000, silentMs: 10_000 };
const PATH = '/usr/local/bin:/usr/bin:/bin';
const RTP_HEADER_BYTES = 12;
const TIMESTAMP_AT = 4;
/** From its start to its first packet. */
const FFMPEG_START_MS = 10_000;
/** From its last word to us to its end. */
const FFMPEG_END_MS = 1_000;

/** Cameras that speak RTSP. */
export class RtspCameras implements Cameras {
  constructor(private readonly options: RtspCamerasOptions) {}

  async open(url: string): Promise<Camera> {
    const { policy, ffmpeg, times = TIMES } = this.options;
    const target = parseCameraUrl(url);
    const address = await addressOf(target.host, policy);
    const connection = await RtspConnection.open(target, address, times);
    try {
      const { sdp, base } = await connection.describe();
      const { tracks, control } = readDescription(sdp);
      const presentation = below(base, control);
      const setUp = tracks.map((track) => below(presentation, track.control));
      return new RtspCamera(connection, { tracks, presentation, setUp }, ffmpeg);
    } catch (error) {
      connection.close();
      throw error;
    }
  }
}

/** @throws {IngestFailure} */
async function addressOf(host: string, policy: TargetPolicy): Promise<string> {
  try {
    return (await policy.resolve(host))[0];
  } catch (error) {
    throw error instanceof TargetRefusal ? new IngestFailure(error.kind, { cause: error }) : error;
  }
}

interface Presentation {
  readonly tracks: readonly CameraTrack[];
  readonly presentation: string;
  /** Of each track, where it is set up. */
  readonly setUp: readonly string[];
}

/** The connection to a camera, the ffmpeg that packs what comes, and the way between them. */
class RtspCamera extends Resource implements Camera {
  readonly tracks: readonly CameraTrack[];
  readonly #reordering = new Reordering();
  /** The camera's RTP channels, by which ours are: they need not be those that were asked for. */
  readonly #channels = new Map<number, number>();
  #process: ChildProcess | undefined;
  #failure: IngestFailure | undefined;

  constructor(
    private readonly connection: RtspConnection,
    private readonly offered: Presentation,
    private readonly ffmpeg: string,
  ) {
    super();
    this.tracks = offered.tracks;
    this.own(connection);
    connection.onClosed(() => this.#fail(connection.failure ?? new IngestFailure('lost')));
  }

  get receivedBytes(): number {
    return this.connection.receivedBytes;
  }

  get reordersFrames(): boolean {
    return this.#reordering.seen;
  }

  get failure(): IngestFailure | undefined {
    return this.#failure;
  }

  async start(targets: readonly RtpTarget[]): Promise<void> {
    for (const [index, uri] of this.offered.setUp.entries()) {
      const channel = await this.connection.setUp(uri, 2 * index);
      this.#channels.set(channel, 2 * index);
      this.#channels.set(channel + 1, 2 * index + 1);
    }
    const door = this.own(await FfmpegDoor.open(this.tracks));
    if (this.closed) throw this.#failure ?? new IngestFailure('lost');
    this.#connect(door);
    this.#process = this.#spawn(ffmpegArguments(door.url, this.tracks, targets));
    await this.#played(door);
    await this.connection.play(this.offered.presentation);
  }

  protected override release(): void {
    // It has nothing to finish, and may hang.
    this.#process?.kill('SIGKILL');
  }

  #connect(door: FfmpegDoor): void {
    const { connection } = this;
    const videoChannel = this.tracks.findIndex(({ kind }) => kind === 'video') * 2;
    const timestamps = this.tracks.map((track) => new EvenTimestamps(clockRateOf(track)));
    connection.on('frame', ({ channel, payload }) => {
      const own = this.#channels.get(channel);
      if (own === undefined || isOfReports(own) || payload.length < RTP_HEADER_BYTES) return;
      if (own === videoChannel) this.#reordering.read(payload);
      const even = retimed(payload, timestamps[own / 2]);
      if (!door.send({ channel: own, payload: even })) connection.pause();
    });
    door.on('drain', () => connection.resume());
    door.on('frame', ({ channel, payload }) => {
      for (const [theirs, own] of this.#channels) {
        if (own === channel) connection.send({ channel: theirs, payload });
      }
    });
    // It is about to end, and may say why first.
    door.onClosed(() => this.#killSoon());
  }

  /** What it inherits and is told holds no secrets, so neither does what it says. */
  #spawn(args: readonly string[]): ChildProcess {
    const child = spawn(this.ffmpeg, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH },
      cwd: '/',
    });
    const words = new FfmpegWords(child.stderr);
    child.once('error', (cause) => this.#fail(new IngestFailure('ffmpegMissing', { cause })));
    child.once('close', (code, signal) => {
      const detail = words.last || `with ${signal ?? `exit code ${String(code)}`}`;
      this.#fail(new IngestFailure('ffmpegEnded', { detail }));
    });
    return child;
  }

  #killSoon(): void {
    if (this.closed) return;
    const timer = setTimeout(() => this.#process?.kill('SIGKILL'), FFMPEG_END_MS);
    this.onClosed(() => clearTimeout(timer));
  }

  #played(door: FfmpegDoor): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => this.#fail(new IngestFailure('ffmpegLate')), FFMPEG_START_MS);
    door.on('play', () => resolve(undefined));
    this.onClosed(() => reject(this.#failure ?? new IngestFailure('lost')));
    return promise.finally(() => clearTimeout(timer));
  }

  #fail(failure: IngestFailure): void {
    if (this.closed) return;
    this.#failure = failure;
    this.close(failure.kind satisfies IngestFailureKind);
  }
}

/**
 * By a camera's sender reports ffmpeg would move what follows to the camera's clock, sound back and
 * pictures ahead by seconds. Nobody needs them: mediasoup tells players which packets belong together
 * by when they came.
 */
function isOfReports(channel: number): boolean {
  return channel % 2 === 1;
}

/** A copy, where it has another timestamp. */
function retimed(packet: Buffer, timestamps: EvenTimestamps | undefined): Buffer {
  const timestamp = packet.readUInt32BE(TIMESTAMP_AT);
  const even = timestamps?.next(timestamp, performance.now()) ?? timestamp;
  if (even === timestamp) return packet;
  const copy = Buffer.from(packet);
  copy.writeUInt32BE(even, TIMESTAMP_AT);
  return copy;
}

function clockRateOf({ kind, encoding }: CameraTrack): number {
  const fallback = kind === 'video' ? 90_000 : 8_000;
  return Number(/^[^/]+\/(\d+)/.exec(encoding)?.[1] ?? fallback);
}

/** A URL of the description, absolute or relative, as cameras mean them: appended, not resolved. */
function below(base: string, control: string | undefined): string {
  if (control === undefined || control === '' || control === '*') return base;
  const url = /^rtsps?:\/\//i.test(control) ? control : `${base.replace(/\/?$/, '/')}${control}`;
  if (!/^[\x21-\x7e]{1,2048}$/.test(url)) throw new IngestFailure('malformed');
  return url;
}
