import { hasCode } from '@sluice/core';
import type { Session } from '../sessions/session.js';
import type { Publisher, RoomView } from '../rooms/room-view.js';
import { assignTracks } from './assign-tracks.js';
import { mediaSections, withoutSending, type MediaSection } from './media-sections.js';
import type { MidMapping, UmbrellaTrack } from './messages.js';
import { roomTracks } from './room-tracks.js';
import { HOPS_MAX, importedTrack, purposeOf, type TrackNames } from './track-names.js';

export interface ReceivingOptions {
  readonly session: Session;
  readonly names: TrackNames;
  readonly roomName: string;
  readonly view: RoomView;
  /** As whom the peer's tracks are published. */
  readonly participant: string;
  /** Whether the peer has this track from us. */
  readonly sentThere: (umbrellaId: string) => boolean;
  /** The peer is a cluster of ours: what its tracks have passed is known. */
  readonly isOurs: () => boolean;
  /** Told of each stream that begins. */
  readonly onBegin: (purpose: string) => void;
}

/** The PeerConnection on which the peer offers. */
export const INCOMING_CONNECTION = 'umbrella-incoming';
/** Its streams have purposes of their own; nothing else is published on it. */
const NO_PURPOSE = 'umbrella';

/**
 * What a peer sends us: each of its tracks becomes a stream of the room, unless the room has that
 * track already, by whatever way it came.
 */
export class Receiving {
  #announced: readonly UmbrellaTrack[] = [];
  readonly #mids = new Map<string, string>();
  #imported: ReadonlyMap<string, UmbrellaTrack> = new Map();
  /** Offered, and not taken: the room had them already. */
  #passedOver: readonly UmbrellaTrack[] = [];
  /** Purposes of streams that another session of the same peer still publishes. */
  readonly #contested = new Set<string>();

  constructor(private readonly options: ReceivingOptions) {}

  get announced(): readonly UmbrellaTrack[] {
    return this.#announced;
  }

  /** By mid. */
  get imported(): ReadonlyMap<string, UmbrellaTrack> {
    return this.#imported;
  }

  announce(tracks: readonly UmbrellaTrack[]): void {
    this.#announced = tracks.filter(({ kind }) => kind !== 'unknown');
  }

  /** What we take of it: a peer that is not ours waits with its offer until all is accepted. */
  accepted(): readonly UmbrellaTrack[] {
    return this.options.isOurs()
      ? this.#announced.filter((track) => this.#isNew(track))
      : this.#announced;
  }

  /** Our answer to the peer's offer. @throws {SluiceError} and then nothing has changed. */
  async answer(offer: string): Promise<string> {
    const sections = mediaSections(offer);
    const assigned = assignTracks(sections, this.#announced, this.#mids);
    for (;;) {
      const taken = new Map([...assigned].filter(([, track]) => this.#isNew(track)));
      try {
        const sdp = await this.#negotiate(offer, sections, taken);
        const wanted = new Set(taken.values());
        this.#imported = taken;
        this.#passedOver = [...assigned.values()].filter((track) => !wanted.has(track));
        return sdp;
      } catch (error) {
        // Each time fewer are taken.
        if (!hasCode(error, 'ALREADY_EXISTS') || !this.#contest([...taken.values()])) throw error;
      }
    }
  }

  /** Whether some of the peer's tracks are still held by another session of the same peer. */
  get contested(): boolean {
    return this.#contested.size > 0;
  }

  /** That other session may have let go of them. */
  forgetContested(): void {
    this.#contested.clear();
  }

  /** Whether something that was passed over has ended where the room had it from. */
  get missesSomething(): boolean {
    return this.#passedOver.some((track) => this.#isNew(track));
  }

  /** The umbrella ids of what was offered and passed over since this was asked last. */
  takeRefused(): ReadonlySet<string> {
    const refused = new Set(this.#passedOver.map(({ umbrellaId }) => umbrellaId));
    this.#passedOver = [];
    return refused;
  }

  /** What the peer says its m-lines carry, once all is negotiated. */
  map(mappings: readonly MidMapping[]): void {
    this.#mids.clear();
    for (const { mid, umbrellaId } of mappings) this.#mids.set(mid, umbrellaId);
  }

  /**
   * The purposes of streams to end: of two ways by which a track came at once, each gateway drops the
   * same one.
   */
  dropDuplicates(): readonly string[] {
    const duplicates = [...this.#imported].filter(([, track]) => this.#isElsewhere(track));
    const dropped = new Set(duplicates.map(([mid]) => mid));
    this.#imported = new Map([...this.#imported].filter(([mid]) => !dropped.has(mid)));
    this.#passedOver = [...this.#passedOver, ...duplicates.map(([, track]) => track)];
    return duplicates.map(([, track]) => purposeOf(track));
  }

  async #negotiate(
    offer: string,
    sections: readonly MediaSection[],
    taken: ReadonlyMap<string, UmbrellaTrack>,
  ): Promise<string> {
    const unwanted = sections.filter(({ mid, sends }) => sends && !taken.has(mid));
    const { session, onBegin } = this.options;
    const known = this.#purposes;
    for (const track of taken.values()) if (!known.has(purposeOf(track))) onBegin(purposeOf(track));
    const { sdp } = await session.negotiate({
      connection: INCOMING_CONNECTION,
      sdp: withoutSending(offer, new Set(unwanted.map(({ mid }) => mid))),
      purpose: NO_PURPOSE,
      purposes: new Map([...taken].map(([mid, track]) => [mid, purposeOf(track)])),
    });
    return sdp;
  }

  /**
   * Passes over what the peer has under those names by another link, which it may have lost without
   * our having heard of it: all that is new, unless the room says which. False when nothing is.
   */
  #contest(taken: readonly UmbrellaTrack[]): boolean {
    const { view, participant, session } = this.options;
    const ours = this.#purposes;
    const fresh = taken.map(purposeOf).filter((purpose) => !ours.has(purpose));
    const held = fresh.filter((purpose) => {
      const holder = view.holderOf(participant, purpose);
      return holder !== undefined && holder !== session.sessionId;
    });
    for (const purpose of held.length > 0 ? held : fresh) this.#contested.add(purpose);
    return fresh.length > 0;
  }

  /** Of what we have from the peer. */
  get #purposes(): ReadonlySet<string> {
    return new Set([...this.#imported.values()].map(purposeOf));
  }

  #isNew(track: UmbrellaTrack): boolean {
    const { names, sentThere, isOurs } = this.options;
    if (track.path.includes(names.clusterId) || track.path.length >= HOPS_MAX) return false;
    // Paths say more than what is sent at the moment, which changes without the room.
    if (!isOurs() && sentThere(track.umbrellaId)) return false;
    if (this.#contested.has(purposeOf(track))) return false;
    return !this.#isElsewhere(track);
  }

  /**
   * Whether the room has that track by a way that we keep to. Of two ways that are both in use one
   * goes on: were each left for the other, they would end and begin without end.
   */
  #isElsewhere(track: UmbrellaTrack): boolean {
    const { names, roomName, view, participant } = this.options;
    const purpose = purposeOf(track);
    const held = this.#purposes.has(purpose);
    return roomTracks(names, roomName, view, participant).some(
      ({ publisher, tracks }) =>
        tracks.some(({ umbrellaId }) => umbrellaId === track.umbrellaId) &&
        (!held || !isImported(publisher) || publisher.participant < participant),
    );
  }
}

function isImported({ participant, purpose }: Publisher): boolean {
  return importedTrack(participant, purpose) !== undefined;
}
