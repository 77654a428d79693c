import { randomUUID } from 'node:crypto';
import type { PlainTransport } from 'mediasoup/types';
import {
  Resource,
  SluiceError,
  isByHost,
  type Clock,
  type StreamName,
  type Timer,
} from '@sluice/core';
import { SIGNALING_LABEL, parseSignalingMessage, writeSignalingMessage } from '@sluice/protocol';
import { sentTracks, type IncomingTrack } from '@sluice/sdp';
import type { Focus } from '../domain/sfu-to-sfu/foci.js';
import type { HomeRouter } from '../domain/routers/home-router.js';
import type { ForeignSource, ForeignSourceEvents } from '../domain/sfu-to-sfu/pulled-stream.js';
import type { CopyTrack } from '../domain/streams/stream-copy.js';
import type { CreateSession } from './create-session.js';
import type { DialedPeer } from './dialed-peer.js';
import type { Dialer } from './dialer.js';
import { unusable } from './foreign-answer.js';

export interface ForeignStreamOptions {
  readonly dialer: Dialer;
  readonly createSession: CreateSession;
  readonly home: HomeRouter;
  readonly focus: Focus;
  /** As the other server calls it. */
  readonly name: StreamName;
  readonly clock: Clock;
}

const LOOPBACK = '127.0.0.1';
/** For each of the other server's answers. */
const DEADLINE_MS = 8_000;

/** How often it is looked at whether anything came. */
const LOOK_MS = 1_000;
/** A server that sends anything sends a report of it in less; with less, every hiccup would count. */
const SILENT_MS = 4_000;

/** A stream of another server, which it sends on a PeerConnection that we dialled. */
export class ForeignStream extends Resource<ForeignSourceEvents> implements ForeignSource {
  readonly endsWhenEmpty = false;
  readonly connection = undefined;
  readonly ownerEnds = true;
  readonly #tracks: CopyTrack[] = [];
  #flowing = false;
  #silent = false;
  #received = 0;
  #heardAtMs: number;
  readonly #watch: Timer;

  private constructor(
    private readonly transport: PlainTransport,
    private readonly peer: DialedPeer,
    private readonly clock: Clock,
  ) {
    super();
    this.#heardAtMs = clock.nowMs();
    this.#watch = clock.every(LOOK_MS, () => void this.#look());
    this.own(peer);
    peer.onClosed((reason) => this.close(reason));
    transport.observer.once('close', () => this.close('transport closed'));
  }

  /** @throws {SluiceError} NOT_FOUND when the other server has no such stream, UNAVAILABLE, … */
  static async open(options: ForeignStreamOptions): Promise<ForeignStream> {
    const { dialer, createSession, home, focus, clock } = options;
    const transport = await home.router.createPlainTransport({
      listenInfo: { protocol: 'udp', ip: LOOPBACK },
      rtcpMux: true,
      comedia: false,
    });
    const { localAddress: ip, localPort: port } = transport.tuple;
    const peer = dialer.dial(focus.host, { ip, port });
    const stream = new ForeignStream(transport, peer, clock);
    try {
      const bridged = new Promise<number>((resolve) => peer.on('bridged', resolve));
      const channel = channelOf(peer);
      peer.openChannel(SIGNALING_LABEL);
      const offer = await peer.createOffer();
      await peer.acceptAnswer(await createSession(focus, offer));
      await transport.connect({ ip: LOOPBACK, port: await within(clock, peer, bridged) });
      await within(clock, peer, channel);
      await stream.#subscribe(options);
      return stream;
    } catch (error) {
      // What fails on a transport that has closed meanwhile says less than why it closed.
      const lost = stream.closed && !(error instanceof SluiceError);
      stream.close('not opened');
      throw lost ? connectionLost(error) : error;
    }
  }

  get tracks(): readonly CopyTrack[] {
    return this.#tracks;
  }

  get flowing(): boolean {
    return this.#flowing;
  }

  get silent(): boolean {
    return this.#silent;
  }

  protected override release(): void {
    this.#watch.cancel();
    this.transport.close();
  }

  async #subscribe({ name, home, clock }: ForeignStreamOptions): Promise<void> {
    const { peer } = this;
    const id = randomUUID();
    const sdp = await peer.createOffer([
      { mid: 'audio', kind: 'audio' },
      { mid: 'video', kind: 'video' },
    ]);
    const answer = this.#answerTo(id);
    // It may come while something else is waited for.
    answer.catch(() => undefined);
    const { room: callId, participant: deviceId, purpose } = name;
    const request = { event: 'subscribe', id, callId, deviceId, purpose, sdp } as const;
    peer.say(SIGNALING_LABEL, writeSignalingMessage(request));
    const answered = await within(clock, peer, answer);
    await peer.acceptAnswer(answered);
    const tracks = tracksIn(answered, home);
    if (tracks.length === 0) {
      throw new SluiceError('CANNOT_CONSUME', 'the other server sends nothing that we can read');
    }
    for (const track of tracks) await this.#produce(track);
  }

  async #produce({ kind, rtpParameters }: IncomingTrack): Promise<void> {
    try {
      const producer = await this.transport.produce({ kind, rtpParameters });
      producer.once('score', () => this.#flows());
      this.#tracks.push({ trackId: kind, producer });
    } catch (cause) {
      throw unusable(cause);
    }
  }

  /** Its answer; afterwards an error of the same id says that the stream has ended. */
  #answerTo(id: string): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.peer.on('heard', (label, text) => {
      const parsed = label === SIGNALING_LABEL ? parseSignalingMessage(text) : undefined;
      if (parsed?.kind !== 'message' || parsed.message.id !== id) return;
      const { event, sdp } = parsed.message;
      if (event === 'subscribe') resolve(sdp);
      if (event !== 'error') return;
      const { error } = parsed.message;
      reject(refusalOf(error));
      if (this.#tracks.length > 0) this.close(isByHost(error) ? error : 'ended there');
    });
    return promise;
  }

  /** By what arrives, wherever on the way it stops: there, on the network, or in what dials. */
  async #look(): Promise<void> {
    const [stats] = await this.transport.getStats().catch(() => []);
    if (this.closed || !stats) return;
    const nowMs = this.clock.nowMs();
    if (stats.bytesReceived > this.#received) {
      this.#received = stats.bytesReceived;
      this.#heardAtMs = nowMs;
      this.#silent = false;
    } else if (!this.#silent && nowMs - this.#heardAtMs >= SILENT_MS) {
      this.#silent = true;
      this.emit('silent');
    }
  }

  #flows(): void {
    if (this.#flowing) return;
    this.#flowing = true;
    this.emit('flowing');
  }
}

/** One of each kind, as it was asked for. @throws {SluiceError} UNAVAILABLE */
function tracksIn(answer: string, { router }: HomeRouter): readonly IncomingTrack[] {
  try {
    const byKind = new Map<string, IncomingTrack>();
    for (const track of sentTracks(answer, router.rtpCapabilities)) {
      if (!byKind.has(track.kind)) byKind.set(track.kind, track);
    }
    return [...byKind.values()];
  } catch (cause) {
    throw unusable(cause);
  }
}

/** What the other server's error says to those who asked us. */
function refusalOf(text: string): SluiceError {
  if (text.includes('over capacity')) {
    return new SluiceError('CAPACITY_EXHAUSTED', 'the other server is over capacity');
  }
  if (/No Such Stream|doesn't exist/iu.test(text) || text === '') {
    return new SluiceError('NOT_FOUND', 'the other server does not have the stream');
  }
  const words = text.replace(/\p{Cc}+/gu, ' ').trim();
  return new SluiceError('PERMISSION_DENIED', `the other server refuses: ${words}`);
}

function channelOf(peer: DialedPeer): Promise<unknown> {
  return new Promise((resolve) => {
    peer.on('channelOpened', (label) => {
      if (label === SIGNALING_LABEL) resolve(undefined);
    });
  });
}

function connectionLost(cause?: unknown): SluiceError {
  const text = 'the connection to the other server was lost';
  return new SluiceError('UNAVAILABLE', text, {}, { cause });
}

/** @throws {SluiceError} UNAVAILABLE when it takes too long or the connection is lost first. */
async function within<T>(clock: Clock, peer: DialedPeer, waited: Promise<T>): Promise<T> {
  const { promise: failed, reject } = Promise.withResolvers<never>();
  const late = new SluiceError('UNAVAILABLE', 'the other server takes too long');
  const timer = clock.after(DEADLINE_MS, () => reject(late));
  peer.onClosed(() => reject(connectionLost()));
  failed.catch(() => undefined);
  try {
    return await Promise.race([waited, failed]);
  } finally {
    timer.cancel();
  }
}
