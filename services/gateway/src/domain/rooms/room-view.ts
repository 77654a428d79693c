import type { RoomContents, RoomFact, RoomSession, RoomStream, Speaker, Track } from '../ports.js';

export interface Participant {
  readonly participant: string;
  readonly username: string;
}

export interface Publisher extends Participant {
  readonly purpose: string;
  readonly tracks: readonly Track[];
}

/** One difference between what was known of a room and what is known now. */
export type RoomChange =
  | { readonly kind: 'participantJoined'; readonly participant: Participant }
  | { readonly kind: 'participantLeft'; readonly participant: Participant }
  | { readonly kind: 'publisherAdded'; readonly publisher: Publisher }
  | { readonly kind: 'publisherChanged'; readonly publisher: Publisher }
  | { readonly kind: 'publisherRemoved'; readonly publisher: Publisher }
  | { readonly kind: 'speakersChanged'; readonly speakers: readonly Speaker[] };

interface Known<T> {
  readonly value: T;
  /** When a fact or a snapshot last said so. */
  readonly confirmedAtMs: number;
  /** It seems to be gone, and is if nothing takes its place by `atMs`. */
  readonly ending?: Ending | undefined;
}

interface Ending {
  readonly atMs: number;
  /** A fact said so; otherwise snapshots lack it and must go on to do so. */
  readonly told: boolean;
}

/** How long a directory may lag behind the facts; within it a fact wins over a snapshot. */
export const SETTLE_MS = 2_000;
/** Why a stream ended, the end of its session tells, which is heard a moment later. */
const REASON_MS = 250;
/** Between the end of a stream where it was and its beginning where its participant moves to. */
const SWITCH_MS = 2_000;
/** A participant whose node was lost has this long to come back on another one. */
export const RETURN_MS = 10_000;

/**
 * What is known of one room: facts as they come, corrected by snapshots of the directory. Each
 * difference is returned once, however often it is heard.
 *
 * Facts may be lost, and a snapshot may be older than a fact or come from a directory that has just
 * started. So a snapshot overrules only what is older than SETTLE_MS, and takes away only what is
 * lacking for RETURN_MS: nodes that die say no goodbye, and whoever was there comes back on others.
 * For the same reason what seems to end in a move is not told as ended until it stays away.
 */
export class RoomView {
  readonly #sessions = new Map<string, Known<RoomSession>>();
  readonly #streams = new Map<string, Known<RoomStream>>();
  /** Session ids are never used again, so a closed one stays closed. */
  readonly #closedSessions = new Map<string, number>();
  /** Highest ended epoch per stream: what is not newer has ended. */
  readonly #endedEpochs = new Map<string, { readonly epoch: number; readonly atMs: number }>();
  readonly #speakers = new Map<string, readonly Speaker[]>();

  get participants(): readonly Participant[] {
    const present = new Map<string, Participant>();
    for (const { value } of this.#sessions.values()) {
      if (value.present) present.set(value.participant, participantOf(value));
    }
    return [...present.values()];
  }

  get publishers(): readonly Publisher[] {
    return [...this.#streams.values()].map(({ value }) => this.#publisherOf(value));
  }

  /** Whether `participant` is in the room. */
  hasParticipant(participant: string): boolean {
    for (const { value } of this.#sessions.values()) {
      if (value.present && value.participant === participant) return true;
    }
    return false;
  }

  findPublisher(participant: string, purpose: string): Publisher | undefined {
    const known = this.#streams.get(keyOf({ participant, purpose }));
    return known && this.#publisherOf(known.value);
  }

  /** Which session publishes a stream. */
  holderOf(participant: string, purpose: string): string | undefined {
    return this.#streams.get(keyOf({ participant, purpose }))?.value.sessionId;
  }

  /** Something is to be taken away when further snapshots lack it as well. */
  get unsettled(): boolean {
    return this.#endings.some(({ told }) => !told);
  }

  /** When the next change comes that needs no further news. */
  get nextEndMs(): number | undefined {
    const told = this.#endings.filter((ending) => ending.told).map(({ atMs }) => atMs);
    return told.length === 0 ? undefined : Math.min(...told);
  }

  /** Takes away what was told to end and did not come back. */
  endOverdue(nowMs: number): readonly RoomChange[] {
    const overdue = ({ ending }: Known<unknown>) => ending?.told === true && ending.atMs <= nowMs;
    const streams = [...this.#streams].filter(([, known]) => overdue(known));
    const sessions = [...this.#sessions].filter(([, known]) => overdue(known));
    return [
      ...streams.flatMap(([key]) => this.#forgetStream(key)),
      ...sessions.flatMap(([sessionId]) => this.#forgetSession(sessionId)),
    ];
  }

  apply(fact: RoomFact, nowMs: number): readonly RoomChange[] {
    switch (fact.kind) {
      case 'sessionSeen':
        return this.#seeSession(fact.session, nowMs);
      case 'sessionClosed':
        return this.#closeSession(fact, nowMs);
      case 'streamSeen':
        return this.#seeStream(fact.stream, nowMs);
      case 'streamEnded':
        return this.#endStream(fact, nowMs);
      case 'speakersChanged':
        this.#speakers.set(fact.nodeId, fact.speakers);
        return [{ kind: 'speakersChanged', speakers: this.#loudest() }];
      case 'nodeLost':
        if (!this.#speakers.delete(fact.nodeId)) return [];
        return [{ kind: 'speakersChanged', speakers: this.#loudest() }];
    }
  }

  /** Corrects the view by a snapshot that was asked for at `askedAtMs`. */
  reconcile(contents: RoomContents, askedAtMs: number): readonly RoomChange[] {
    const settledAtMs = askedAtMs - SETTLE_MS;
    this.#forgetTombstones(settledAtMs);
    const overruled = (known: Known<unknown> | undefined) =>
      known === undefined || known.ending !== undefined || known.confirmedAtMs <= settledAtMs;

    const changes: RoomChange[] = [];
    for (const session of contents.sessions) {
      if (overruled(this.#sessions.get(session.sessionId))) {
        changes.push(...this.#seeSession(session, askedAtMs));
      }
    }
    for (const stream of contents.streams) {
      if (overruled(this.#streams.get(keyOf(stream)))) {
        changes.push(...this.#seeStream(stream, askedAtMs));
      }
    }
    const streamKeys = new Set(contents.streams.map(keyOf));
    for (const key of miss(this.#streams, streamKeys, askedAtMs)) {
      changes.push(...this.#forgetStream(key));
    }
    const sessionIds = new Set(contents.sessions.map((session) => session.sessionId));
    for (const sessionId of miss(this.#sessions, sessionIds, askedAtMs)) {
      changes.push(...this.#forgetSession(sessionId));
    }
    for (const participant of new Set(contents.sessions.map((session) => session.participant))) {
      this.#forgetFormer(participant);
    }
    return changes;
  }

  get #endings(): readonly Ending[] {
    const known: Known<unknown>[] = [...this.#sessions.values(), ...this.#streams.values()];
    return known.flatMap(({ ending }) => (ending ? [ending] : []));
  }

  #seeSession(session: RoomSession, atMs: number): RoomChange[] {
    if (this.#closedSessions.has(session.sessionId)) return [];
    const before = this.hasParticipant(session.participant);
    this.#sessions.set(session.sessionId, { value: session, confirmedAtMs: atMs });
    const changes = this.#presenceChange(session, before);
    this.#forgetFormer(session.participant);
    return changes;
  }

  #closeSession(
    { sessionId, moved }: { readonly sessionId: string; readonly moved: boolean },
    nowMs: number,
  ): RoomChange[] {
    this.#closedSessions.set(sessionId, nowMs);
    const known = this.#sessions.get(sessionId);
    const streams = [...this.#streams].filter(([, { value }]) => value.sessionId === sessionId);
    if (!moved || !known) {
      const ending = streams.filter(([, stream]) => stream.ending?.told === true);
      return [
        ...ending.flatMap(([key]) => this.#forgetStream(key)),
        ...this.#forgetSession(sessionId),
      ];
    }
    const ending = { atMs: nowMs + RETURN_MS, told: true };
    for (const [key, stream] of streams) this.#streams.set(key, { ...stream, ending });
    this.#sessions.set(sessionId, { ...known, ending });
    this.#forgetFormer(known.value.participant);
    return [];
  }

  #forgetSession(sessionId: string): RoomChange[] {
    const session = this.#sessions.get(sessionId)?.value;
    if (!session) return [];
    const before = this.hasParticipant(session.participant);
    this.#sessions.delete(sessionId);
    return this.#presenceChange(session, before);
  }

  /** Sessions that seem to be gone do not count any more once their participant has another one. */
  #forgetFormer(participant: string): void {
    const own = [...this.#sessions].filter(([, { value }]) => value.participant === participant);
    if (!own.some(([, { value, ending }]) => value.present && !ending)) return;
    for (const [sessionId, { ending }] of own) if (ending) this.#sessions.delete(sessionId);
  }

  #presenceChange(session: RoomSession, before: boolean): RoomChange[] {
    const now = this.hasParticipant(session.participant);
    if (now === before) return [];
    const participant = participantOf(session);
    return [{ kind: now ? 'participantJoined' : 'participantLeft', participant }];
  }

  #seeStream(stream: RoomStream, atMs: number): RoomChange[] {
    const key = keyOf(stream);
    const ended = this.#endedEpochs.get(key);
    const current = this.#streams.get(key)?.value;
    if (ended && stream.epoch <= ended.epoch) return [];
    if (current && stream.epoch < current.epoch) return [];
    const username = stream.username ?? current?.username;
    const value: RoomStream = { ...stream, username };
    this.#streams.set(key, { value, confirmedAtMs: atMs });
    const publisher = this.#publisherOf(value);
    if (!current) return [{ kind: 'publisherAdded', publisher }];
    return sameTracks(current.tracks, stream.tracks)
      ? []
      : [{ kind: 'publisherChanged', publisher }];
  }

  #endStream(
    ended: { readonly participant: string; readonly purpose: string; readonly epoch: number },
    atMs: number,
  ): RoomChange[] {
    const key = keyOf(ended);
    const current = this.#streams.get(key)?.value;
    // The stream has moved to another origin since: it goes on.
    if (current && ended.epoch < current.epoch) return [];
    const epoch = Math.max(ended.epoch, this.#endedEpochs.get(key)?.epoch ?? 0);
    this.#endedEpochs.set(key, { epoch, atMs });
    const known = this.#streams.get(key);
    if (!known) return [];
    if (!this.#sessions.has(known.value.sessionId) && !this.#moves(known.value)) {
      return this.#forgetStream(key);
    }
    const holdMs = this.#moves(known.value) ? SWITCH_MS : REASON_MS;
    this.#streams.set(key, { ...known, ending: { atMs: atMs + holdMs, told: true } });
    return [];
  }

  /** Whether the publisher has a newer session than the one that publishes the stream. */
  #moves({ participant, sessionId }: RoomStream): boolean {
    const own = [...this.#sessions.values()].filter(
      ({ value }) => value.participant === participant,
    );
    const last = own.at(-1);
    return last !== undefined && last.value.sessionId !== sessionId;
  }

  #forgetStream(key: string): RoomChange[] {
    const stream = this.#streams.get(key)?.value;
    if (!stream) return [];
    this.#streams.delete(key);
    return [{ kind: 'publisherRemoved', publisher: this.#publisherOf(stream) }];
  }

  #publisherOf({ participant, purpose, username, tracks }: RoomStream): Publisher {
    return { participant, purpose, username: username ?? participant, tracks };
  }

  /** The loudest of all nodes, each participant once. */
  #loudest(): Speaker[] {
    const loudest = new Map<string, Speaker>();
    for (const speaker of [...this.#speakers.values()].flat()) {
      const known = loudest.get(speaker.participant);
      if (!known || known.volume < speaker.volume) loudest.set(speaker.participant, speaker);
    }
    return [...loudest.values()].sort((a, b) => b.volume - a.volume);
  }

  #forgetTombstones(settledAtMs: number): void {
    for (const [sessionId, atMs] of this.#closedSessions) {
      if (atMs < settledAtMs) this.#closedSessions.delete(sessionId);
    }
    for (const [key, { atMs }] of this.#endedEpochs) {
      if (atMs < settledAtMs) this.#endedEpochs.delete(key);
    }
  }
}

/** Marks what a snapshot lacks, and returns the keys of what was lacking for too long. */
function miss<T>(
  known: Map<string, Known<T>>,
  present: ReadonlySet<string>,
  askedAtMs: number,
): string[] {
  const gone: string[] = [];
  for (const [key, entry] of known) {
    if (present.has(key) || entry.confirmedAtMs > askedAtMs - SETTLE_MS) continue;
    if (!entry.ending) {
      known.set(key, { ...entry, ending: { atMs: askedAtMs + RETURN_MS, told: false } });
    } else if (!entry.ending.told && entry.ending.atMs <= askedAtMs) gone.push(key);
  }
  return gone;
}

function keyOf(stream: { readonly participant: string; readonly purpose: string }): string {
  // Names have no control characters, so this never collides.
  return `${stream.participant}\n${stream.purpose}`;
}

function participantOf({ participant, username }: RoomSession): Participant {
  return { participant, username };
}

function sameTracks(a: readonly Track[], b: readonly Track[]): boolean {
  return (
    a.length === b.length &&
    a.every((track, index) => {
      const other = b[index];
      return track.trackId === other?.trackId && track.paused === other.paused;
    })
  );
}
