import { Resource, hasCode, type Clock, type ResourceEvents, type Timer } from '@sluice/core';
import { Audience } from '../rooms/audience.js';
import type { Observer } from '../ports.js';
import type { Room } from '../rooms/room.js';
import type { Publisher } from '../rooms/room-view.js';
import type { Session } from '../sessions/session.js';
import { isSameStream, mediaSections } from './media-sections.js';
import type { MidMapping, UmbrellaTrack } from './messages.js';
import { roomTracks, type RoomTracks } from './room-tracks.js';
import { HOPS_MAX, type TrackNames } from './track-names.js';

interface SendingEvents extends ResourceEvents {
  /** All that there is to send; the peer is asked to accept it. */
  announced: [tracks: readonly UmbrellaTrack[]];
  offered: [sdp: string];
}

export interface SendingOptions {
  readonly session: Session;
  readonly room: Room;
  readonly names: TrackNames;
  /** As whom the peer's own tracks are published here. */
  readonly participant: string;
  /** Whether the peer has announced this track itself. */
  readonly cameFromThere: (umbrellaId: string) => boolean;
  /** The peer's cluster where it is one of ours. */
  readonly peerClusterId: () => string | undefined;
  readonly clock: Clock;
  readonly observer: Observer;
}

/** The PeerConnection on which we offer. */
export const OUTGOING_CONNECTION = 'umbrella-outgoing';
/** Tracks of one stream appear together, and streams of newcomers shortly after each other. */
const ANNOUNCEMENT_DELAY_MS = 100;
/** What a node could not be told is said again. */
const RETRY_DELAY_MS = 1_000;

const LEAVE_LAYERS = { spatial: undefined, temporal: undefined, paused: undefined } as const;

function streamKeyOf(participant: string, purpose: string): string {
  return `${participant}\n${purpose}`;
}

/** Ids of a stream's tracks that are not offered, and that are not sent though they were. */
type Selection = Record<'withheld' | 'unwanted', readonly string[]>;

/** Equal to that of no selection. */
const UNKNOWN = 'unknown';

function textOf({ withheld, unwanted }: Selection): string {
  return JSON.stringify([withheld, unwanted]);
}

/** What we send a peer: every track of the room that it accepts and that did not come from it. */
export class Sending extends Resource<SendingEvents> {
  readonly #audience: Audience;
  /** The ways of the tracks that were announced last, by umbrella id. */
  #announced: ReadonlyMap<string, string> = new Map();
  #accepted: ReadonlySet<string> = new Set();
  #unwanted: ReadonlySet<string> = new Set();
  /** What the node was told last of each stream that is sent. */
  readonly #told = new Map<string, string>();
  #offer = '';
  #announcing: Timer | undefined;
  #retrying: Timer | undefined;

  constructor(private readonly options: SendingOptions) {
    super();
    const { session, room, clock, observer } = options;
    const wants = (publisher: Publisher) => this.#isAccepted(publisher);
    const connection = OUTGOING_CONNECTION;
    const withheld = (publisher: Publisher) =>
      this.#selectionOf(this.#streamOf(publisher)).withheld;
    this.#audience = this.own(
      new Audience({ session, room, connection, wants, withheld, clock, observer }),
    );
    this.#audience.on('offered', (sdp) => {
      this.#offer = sdp;
      this.emit('offered', sdp);
    });
    this.#audience.on('subscribed', ({ participant, purpose }, told) => {
      this.#told.set(streamKeyOf(participant, purpose), textOf({ withheld: told, unwanted: [] }));
      this.#applySelection();
    });
    room.on('changed', this.#onChanged);
    this.#announceSoon();
  }

  get tracks(): readonly UmbrellaTrack[] {
    return this.#streams().flatMap(({ tracks }) => tracks);
  }

  /** Whether the peer receives that track from us. */
  sends(umbrellaId: string): boolean {
    return this.#accepted.has(umbrellaId) && this.#announced.has(umbrellaId);
  }

  /** Tells the peer anew when what it may be told has changed. */
  review(): void {
    this.#announceSoon();
    this.#audience.review();
  }

  accept(tracks: readonly UmbrellaTrack[]): void {
    this.#accepted = new Set(tracks.map(({ umbrellaId }) => umbrellaId));
    this.#audience.review();
    this.#applySelection();
  }

  /** A cluster of ours says of which tracks nobody there wants packets. */
  wantOnly(unwantedIds: readonly string[]): void {
    this.#unwanted = new Set(unwantedIds);
    this.#applySelection();
  }

  /** What the m-lines of the offer that it answered carry. */
  async answer(sdp: string): Promise<readonly MidMapping[]> {
    const offer = this.#offer;
    await this.options.session.answerConnection(OUTGOING_CONNECTION, sdp);
    const tracks = this.tracks;
    return mediaSections(offer).flatMap(({ mid, sends, streamId, trackId }) => {
      const track = tracks.find(
        (one) => one.id === trackId && isSameStream(one.streamId, streamId),
      );
      return sends && track ? [{ mid, umbrellaId: track.umbrellaId }] : [];
    });
  }

  protected override release(): void {
    this.options.room.off('changed', this.#onChanged);
    this.#announcing?.cancel();
    this.#retrying?.cancel();
  }

  readonly #onChanged = () => {
    this.#announceSoon();
    this.#forgetEnded();
    this.#applySelection();
  };

  /** A trunk outlives most streams. */
  #forgetEnded(): void {
    const { publishers } = this.options.room.view;
    const live = new Set(publishers.map((one) => streamKeyOf(one.participant, one.purpose)));
    for (const key of this.#told.keys()) if (!live.has(key)) this.#told.delete(key);
  }

  /** Has the node offer, send or stop what has changed of tracks of streams that are sent. */
  #applySelection(): void {
    const { session, observer } = this.options;
    for (const stream of this.closed ? [] : this.#streams()) {
      const { participant, purpose } = stream.publisher;
      const key = streamKeyOf(participant, purpose);
      if (!session.isSubscribed(participant, purpose) || !this.#takesOf(stream)) continue;
      const selection = this.#selectionOf(stream);
      const text = textOf(selection);
      if (!this.#told.has(key) || this.#told.get(key) === text) continue;
      this.#told.set(key, text);
      session
        .setLayers(participant, purpose, { ...LEAVE_LAYERS, ...selection })
        .catch((error: unknown) => {
          if (this.#told.get(key) === text) this.#told.set(key, UNKNOWN);
          if (hasCode(error, 'NOT_FOUND')) return;
          observer.trouble(error, 'choosing tracks for a peer');
          this.#retrySoon();
        });
    }
  }

  #retrySoon(): void {
    if (this.closed || this.#retrying) return;
    this.#retrying = this.options.clock.after(RETRY_DELAY_MS, () => {
      this.#retrying = undefined;
      this.#applySelection();
    });
  }

  /** Of one stream: what the peer does not take of it, and what it takes though nobody watches it. */
  #selectionOf({ publisher, tracks }: RoomTracks): Selection {
    const accepted = tracks.filter(({ umbrellaId }) => this.#accepted.has(umbrellaId));
    const acceptedIds = new Set(accepted.map(({ id }) => id));
    const withheld = publisher.tracks
      .filter(({ kind, trackId }) => kind !== 'data' && !acceptedIds.has(trackId))
      .map(({ trackId }) => trackId);
    const unwanted = accepted.filter(({ umbrellaId }) => this.#unwanted.has(umbrellaId));
    return { withheld: withheld.sort(), unwanted: unwanted.map(({ id }) => id).sort() };
  }

  #announceSoon(): void {
    if (this.closed || this.#announcing) return;
    this.#announcing = this.options.clock.after(ANNOUNCEMENT_DELAY_MS, () => {
      this.#announcing = undefined;
      this.#announce();
    });
  }

  /**
   * Only what appears is told to peers that know no other news; ours also hear what is gone, and by
   * which way a track comes now.
   */
  #announce(): void {
    const { tracks } = this;
    const before = this.#announced;
    const now = new Map(tracks.map(({ umbrellaId, path }) => [umbrellaId, path.join('+')]));
    this.#announced = now;
    const appeared = [...now.keys()].some((id) => !before.has(id));
    const changed =
      before.size !== now.size || [...now].some(([id, way]) => before.get(id) !== way);
    const ours = this.options.peerClusterId() !== undefined;
    if (appeared || (changed && ours)) this.emit('announced', tracks);
  }

  #streams(): readonly RoomTracks[] {
    const { names, room, participant, cameFromThere, peerClusterId } = this.options;
    const peer = peerClusterId();
    // A cluster of ours takes only what it has not got. Two of them that both have a track by other
    // ways go on saying so: each taking it back for the other's sake would have no end.
    const goesThere = ({ umbrellaId, path }: UmbrellaTrack) =>
      path.length <= HOPS_MAX &&
      (peer === undefined ? !cameFromThere(umbrellaId) : !path.includes(peer));
    return roomTracks(names, room.name, room.view, participant).map(({ publisher, tracks }) => ({
      publisher,
      tracks: tracks.filter(goesThere),
    }));
  }

  #isAccepted(publisher: Publisher): boolean {
    return this.#takesOf(this.#streamOf(publisher));
  }

  #takesOf({ tracks }: RoomTracks): boolean {
    return tracks.some(({ umbrellaId }) => this.#accepted.has(umbrellaId));
  }

  /** One that is none of those that go there has no tracks. */
  #streamOf(publisher: Publisher): RoomTracks {
    const { participant, purpose } = publisher;
    const stream = this.#streams().find(
      (one) => one.publisher.participant === participant && one.publisher.purpose === purpose,
    );
    return stream ?? { publisher, tracks: [] };
  }
}
