import type { MediaKind, Producer } from 'mediasoup/types';
import { TrackKind, type RouterRef, type StreamState, type Track } from '@sluice/proto-gen/common';
import { Resource, SluiceError, type StreamName, type Timer } from '@sluice/core';
import type { OfferHints } from '@sluice/sdp';
import { connectionLost, type Connection } from './connection.js';
import type { HomeRouter } from '../routers/home-router.js';
import type { IncomingStream, PublishingSettings } from './incoming-stream.js';
import type { FactPublisher } from '../ports.js';
import type { DataTrack } from '../data/data-track.js';
import { PublishedData } from './published-data.js';
import { PublishingConnection } from './publishing-connection.js';
import { RELAY_REASONS } from '../streams/relay-reasons.js';
import type { RetiredConnections } from './retired-connections.js';
import type { Speakers } from './speakers.js';
import { FENCED, type StreamClaim, type StreamClaims } from '../streams/stream-claims.js';
import type { StreamCopies } from '../streams/stream-copies.js';
import { StreamCopy, type CopyTrack } from '../streams/stream-copy.js';
import type { Measured } from '../traffic.js';

export interface PublicationContext {
  readonly home: HomeRouter;
  readonly origin: RouterRef;
  readonly sessionId: string;
  /** The session that this one takes over from. */
  readonly replacesSessionId: string | undefined;
  readonly username: string;
  /** Whether the session's client was asked to go elsewhere. */
  readonly moving: () => boolean;
  /** Told when a stream turned out to be another session's by now. */
  readonly onFenced: () => void;
  /** Told when something was refused that its client did with data channels. */
  readonly onRefused: (name: StreamName, error: SluiceError) => void;
  /** Told when a stream has ended, however. */
  readonly onEnded: () => void;
  /** Told when nobody wants packets of a stream any more, and when somebody does again. */
  readonly onDemand?: ((purpose: string, wanted: boolean) => void) | undefined;
  readonly claims: StreamClaims;
  readonly copies: StreamCopies;
  readonly facts: FactPublisher;
  readonly speakers: Speakers;
  readonly retired: RetiredConnections;
  readonly settings: PublishingSettings & { readonly switchOverMs: number };
}

/** What the client is told of one of its PeerConnections. */
export interface Answered {
  readonly answer: string;
  readonly tracks: Track[];
}

export interface Published {
  readonly publication: Publication;
  readonly answer: string;
}

/**
 * One stream of one session: its name, claimed, and the PeerConnection that sends it, alone or among
 * others. Another PeerConnection takes over once it flows; until then, and a little longer, the old
 * one feeds.
 */
export class Publication extends Resource {
  readonly #copy: StreamCopy;
  readonly #data: PublishedData;
  #current: IncomingStream;
  #next: IncomingStream | undefined;
  readonly #timers = new Set<Timer>();
  /** Kinds that a host has muted. */
  readonly #muted = new Set<MediaKind>();
  #announcing = false;
  #demanded = true;
  #retires = false;

  /** `claim` and `stream` are its own from now on. */
  constructor(
    private readonly context: PublicationContext,
    private readonly claim: StreamClaim,
    stream: IncomingStream,
  ) {
    super();
    const { home, origin, copies, facts, username } = context;
    this.#copy = new StreamCopy(claim.name, claim.epoch, home, [origin.nodeId]);
    this.#data = this.own(new PublishedData(this.#copy, home));
    this.#current = this.#adopt(stream);
    this.#takeTracks();
    copies.add(this.#copy);
    facts.streamPublished(this.state(), username);
    this.#copy.on('tracksChanged', () => this.#announceSoon());
    this.#copy.on('wantedChanged', () => this.#weighDemand());
    this.own(claim);
    claim.onClosed((reason) => this.close(reason));
    this.#supersedeOnceFlowing();
  }

  /**
   * Publishes under a name that is not in use.
   *
   * @throws {SluiceError} ALREADY_EXISTS, UNAVAILABLE, or {SdpError}; then nothing is left of it.
   */
  static async open(
    context: PublicationContext,
    name: StreamName,
    sdp: string,
    hints?: OfferHints,
  ): Promise<Published> {
    const connection = await PublishingConnection.open(context.home, context.settings);
    const held: { claim?: StreamClaim } = {};
    try {
      const claim = async () => {
        held.claim = await claimFor(context, name);
      };
      const answer = await connection.negotiate(sdp, claim, hints);
      if (!held.claim || connection.closed) throw connectionLost();
      return { publication: new Publication(context, held.claim, connection), answer };
    } catch (error) {
      connection.close();
      held.claim?.close();
      throw error;
    }
  }

  get name(): StreamName {
    return this.claim.name;
  }

  get epoch(): number {
    return this.claim.epoch;
  }

  get tracks(): readonly Track[] {
    const { tracks, data } = this.#copy;
    return [...[...tracks.values()].map(toTrack), ...[...data.values()].map(toDataTrack)];
  }

  /** Whether its client is there: sends something, or has only just begun. */
  get receiving(): boolean {
    const { connection } = this.#current;
    // There is nothing to see of a client that sends data alone but that it is connected.
    if (this.#current.tracks.length === 0) return connection?.transport.iceState === 'completed';
    return this.#current.tracks.some(
      ({ producer: { score } }) => score.length === 0 || score.some(({ score: of }) => of > 0),
    );
  }

  /** PeerConnections that receive it. */
  get connections(): readonly Connection[] {
    return this.#open.flatMap(({ connection }) => connection ?? []);
  }

  /** By which it is received where there is no PeerConnection, for measuring. */
  get feeds(): readonly Measured[] {
    return this.#open.flatMap(({ feed }) => feed ?? []);
  }

  /**
   * The client's next offer: of the PeerConnection that we know, or of one that replaces it.
   *
   * @throws {SdpError} or {SluiceError}, and then all is as it was.
   */
  async renegotiate(sdp: string, hints?: OfferHints): Promise<Answered> {
    const known = [this.#next, this.#current].find(
      (stream): stream is PublishingConnection =>
        stream instanceof PublishingConnection && stream.continues(sdp),
    );
    if (!known) return this.#connectNext(sdp, hints);
    if (known.closed) {
      throw new SluiceError('INVALID_STATE', 'this PeerConnection was lost; a new one is needed');
    }
    const answer = await known.negotiate(sdp, () => Promise.resolve(), hints);
    return { answer, tracks: known.tracks.map(toTrack) };
  }

  /** Whether it arrives there, or will once that flows. */
  isFedBy(stream: IncomingStream): boolean {
    return stream === this.#current || stream === this.#next;
  }

  /** Takes over from what feeds it now, once it flows. */
  continueOn(next: IncomingStream): void {
    this.#next?.close('replaced');
    this.#next = this.#adopt(next);
    this.#weighDemand();
    if (next.flowing) this.#switchTo(next);
    else next.on('flowing', () => this.#switchTo(next));
  }

  /** Mutes tracks of those kinds, and what takes their places, or no longer. */
  async setMuted(kinds: readonly MediaKind[], muted: boolean): Promise<void> {
    for (const kind of kinds) {
      if (muted) this.#muted.add(kind);
      else this.#muted.delete(kind);
    }
    const concerned = [...this.#copy.tracks.values()].filter(({ producer: { kind } }) =>
      kinds.includes(kind),
    );
    await Promise.all(concerned.map(({ producer }) => this.#applyMuted(producer)));
    this.#announceSoon();
  }

  async #applyMuted(producer: Producer): Promise<void> {
    const muted = this.#muted.has(producer.kind);
    if (producer.closed || producer.paused === muted) return;
    try {
      await (muted ? producer.pause() : producer.resume());
    } catch {
      // It closed meanwhile, and so did its track.
    }
  }

  state(): StreamState {
    return {
      name: this.name,
      epoch: this.epoch,
      sessionId: this.context.sessionId,
      routerId: this.context.home.routerId,
      tracks: [...this.tracks],
    };
  }

  override close(reason = 'requested'): void {
    if (this.closed) return;
    // First, and with a reason of its own: producers that close one by one look like removed tracks.
    const { moved, streamEnded } = RELAY_REASONS;
    this.#copy.close(reason === moved || reason === FENCED ? moved : streamEnded);
    this.#retires = reason === moved || (reason === FENCED && this.context.moving());
    super.close(reason);
    this.context.facts.streamEnded(this.name, this.epoch);
  }

  protected override release(): void {
    for (const timer of this.#timers) timer.cancel();
    for (const connection of [this.#current, this.#next]) {
      if (this.#retires && connection) this.context.retired.keep(connection);
      else connection?.close('publication closed');
    }
  }

  /** The old origin feeds those who watch until this one can. */
  #supersedeOnceFlowing(): void {
    if (!this.claim.predecessor) return;
    const connection = this.#current;
    const supersede = () => {
      if (!this.closed) void this.context.claims.supersede(this.claim);
    };
    if (connection.flowing) supersede();
    else connection.on('flowing', supersede);
  }

  async #connectNext(sdp: string, hints: OfferHints | undefined): Promise<Answered> {
    const { home, settings } = this.context;
    const next = await PublishingConnection.open(home, settings);
    try {
      const answer = await next.negotiate(sdp, () => Promise.resolve(), hints);
      if (this.closed || next.closed) throw connectionLost();
      this.continueOn(next);
      return { answer, tracks: next.tracks.map(toTrack) };
    } catch (error) {
      next.close();
      throw error;
    }
  }

  #adopt(stream: IncomingStream): IncomingStream {
    stream.onClosed((reason) => this.#onStreamClosed(stream, reason));
    stream.on('changed', () => this.#onStreamChanged(stream));
    stream.on('renewing', (trackId) => {
      if (stream === this.#current) this.#copy.hold(trackId);
    });
    for (const channel of stream.channels ?? []) this.#data.join(channel, stream);
    stream.on('channel', (channel) => this.#data.join(channel, stream));
    stream.on('refused', (error) => this.context.onRefused(this.name, error));
    stream.on('flowing', () => this.#weighDemand());
    return stream;
  }

  #onStreamChanged(stream: IncomingStream): void {
    const empty = stream.endsWhenEmpty && stream.tracks.length === 0;
    if (empty && (stream !== this.#current || this.#next)) stream.close('no tracks left');
    else if (empty) this.close();
    else if (stream === this.#current) this.#takeTracks();
  }

  get #open(): readonly IncomingStream[] {
    return [this.#current, this.#next].filter(
      (stream): stream is IncomingStream => stream?.closed === false,
    );
  }

  #switchTo(next: IncomingStream): void {
    if (this.closed || this.#next !== next) return;
    const old = this.#current;
    this.#current = next;
    this.#next = undefined;
    this.#takeTracks();
    this.#weighDemand();
    this.#after(this.context.settings.switchOverMs, () => old.close('replaced'));
  }

  /** Without any connection left, the stream waits a moment for one that replaces it. */
  #onStreamClosed(stream: IncomingStream, reason: string): void {
    if (this.#next === stream) this.#next = undefined;
    if (this.closed || this.#next || !this.#current.closed || stream.ownerEnds === true) return;
    this.#after(this.context.settings.switchOverMs, () => {
      if (this.#next || !this.#current.closed) return;
      // A client that moves may have closed it too early.
      this.close(this.context.moving() ? RELAY_REASONS.moved : reason);
    });
  }

  #takeTracks(): void {
    if (this.closed) return;
    const tracks = new Map(this.#current.tracks.map((track) => [track.trackId, track]));
    for (const [trackId, track] of tracks) {
      if (this.#copy.tracks.get(trackId)?.producer === track.producer) continue;
      this.#copy.addTrack(track);
      void this.#applyMuted(track.producer);
      if (track.producer.kind === 'audio') this.#listenTo(track);
    }
    for (const trackId of [...this.#copy.tracks.keys()]) {
      if (!tracks.has(trackId)) this.#copy.removeTrack(trackId);
    }
  }

  #listenTo({ producer }: CopyTrack): void {
    const { speakers, home } = this.context;
    speakers.listen(this.name.room, home, this.name.participant, producer);
  }

  /** What is to take over has to flow first, and what is new has to show that it can. */
  #weighDemand(): void {
    const settled = this.#current.flowing && !this.#next;
    const demanded = this.#copy.wanted || !settled;
    if (this.closed || demanded === this.#demanded) return;
    this.#demanded = demanded;
    this.context.onDemand?.(this.name.purpose, demanded);
  }

  /** Several tracks that change at once make one fact. */
  #announceSoon(): void {
    if (this.#announcing) return;
    this.#announcing = true;
    queueMicrotask(() => {
      this.#announcing = false;
      if (!this.closed) this.context.facts.streamChanged(this.state());
    });
  }

  #after(delayMs: number, task: () => void): void {
    const timer = this.context.settings.clock.after(delayMs, () => {
      this.#timers.delete(timer);
      task();
    });
    this.#timers.add(timer);
  }
}

/** @throws {SluiceError} ALREADY_EXISTS, UNAVAILABLE. */
export async function claimFor(
  context: PublicationContext,
  name: StreamName,
): Promise<StreamClaim> {
  const { claims, origin, sessionId, replacesSessionId } = context;
  const { clock, joins } = context.settings;
  const askedAtMs = clock.nowMs();
  const claim = await claims.claim({ name, origin, sessionId, replacesSessionId });
  joins.onPhase('publishing', 'claim', clock.nowMs() - askedAtMs);
  return claim;
}

function toTrack({ trackId, producer }: CopyTrack): Track {
  return {
    trackId,
    kind: producer.kind === 'audio' ? TrackKind.TRACK_KIND_AUDIO : TrackKind.TRACK_KIND_VIDEO,
    paused: producer.paused,
    mimeType: producer.rtpParameters.codecs[0]?.mimeType ?? '',
  };
}

function toDataTrack({ trackId, parameters: { label, protocol } }: DataTrack): Track {
  const kind = TrackKind.TRACK_KIND_DATA;
  return { trackId, kind, paused: false, mimeType: '', label, protocol };
}
