import type { SessionRef } from '@sluice/proto-gen/common';
import { streamKey, type StreamKey } from '@sluice/core';
import type { Change, Fact, Heartbeat, NodeTruth, Relay, Stream } from './facts.js';
import { GroupedMap } from './grouped-map.js';
import type { RunningIngest } from '../ingest.js';
import { RecentLoads } from './recent-loads.js';
import { Whereabouts } from './whereabouts.js';

/** Facts kept while the node's truth is read; past it they are dropped and the truth is read again. */
const EARLY_FACTS_MAX = 4_096;

/** Which nodes have a stream, something of a room, or sessions of a signaling connection. */
export interface NodeIndex {
  readonly streams: Whereabouts<StreamKey, KnownNode>;
  readonly rooms: Whereabouts<string, KnownNode>;
  readonly connections: Whereabouts<string, KnownNode>;
}

export function newNodeIndex(): NodeIndex {
  return { streams: new Whereabouts(), rooms: new Whereabouts(), connections: new Whereabouts() };
}

/**
 * One boot of one media node, as heard of. Facts are applied in the order of their revisions only:
 * after a gap they wait until the node's whole truth has been read.
 */
export class KnownNode {
  readonly loads = new RecentLoads();
  readonly #sessions: GroupedMap<string, SessionRef>;
  readonly #streams: GroupedMap<StreamKey, Stream>;
  readonly #relays = new GroupedMap<string, Relay>();
  readonly #ingests = new Map<string, RunningIngest>();
  #early: Fact[] = [];
  /** Revision of the last fact applied. */
  #revision = 0;
  /** The highest revision that the node is known to have reached. */
  #reached = 0;

  constructor(
    public heartbeat: Heartbeat,
    /** Monotonic time of the last sign of life. */
    public heardAtMs: number,
    /** A relay was heard to open or close; without one, any may have. */
    private readonly onRelay: (relay: Relay | undefined) => void = () => undefined,
    index: NodeIndex = newNodeIndex(),
  ) {
    const { streams, rooms, connections } = index;
    this.#sessions = new GroupedMap({
      onAdded: (_id, room, { connectionId }) => {
        rooms.add(room, this);
        connections.add(connectionId, this);
      },
      onRemoved: (_id, room, { connectionId }) => {
        rooms.remove(room, this);
        connections.remove(connectionId, this);
      },
    });
    this.#streams = new GroupedMap({
      onAdded: (key, room) => {
        streams.add(key, this);
        rooms.add(room, this);
      },
      onRemoved: (key, room) => {
        streams.remove(key, this);
        rooms.remove(room, this);
      },
    });
    this.#reached = heartbeat.revision;
    this.loads.note(heartbeat, heardAtMs);
  }

  /** It is over: nobody finds by the index what it had. */
  end(): void {
    this.#sessions.clear();
    this.#streams.clear();
  }

  get nodeId(): string {
    return this.heartbeat.nodeId;
  }

  get bootId(): string {
    return this.heartbeat.bootId;
  }

  /** Whether facts were missed, so that the node's truth must be read. */
  get behind(): boolean {
    return this.#revision < this.#reached;
  }

  hearHeartbeat(heartbeat: Heartbeat, nowMs: number): void {
    this.heartbeat = heartbeat;
    this.heardAtMs = nowMs;
    this.loads.note(heartbeat, nowMs);
    this.#reached = Math.max(this.#reached, heartbeat.revision);
  }

  hearFact(fact: Fact): void {
    this.#reached = Math.max(this.#reached, fact.revision);
    if (fact.revision <= this.#revision) return;
    this.#early.push(fact);
    if (this.#early.length > EARLY_FACTS_MAX) this.#early = [];
    this.#applyEarly();
  }

  /** An older truth than what is known already changes nothing. */
  replace(truth: NodeTruth): void {
    if (truth.revision < this.#revision) return;
    const isNews = truth.revision > this.#revision;
    this.#sessions.clear();
    this.#streams.clear();
    this.#relays.clear();
    this.#ingests.clear();
    for (const ingest of truth.ingests) this.#apply({ type: 'ingest kept', ingest });
    for (const session of truth.sessions) this.#apply({ type: 'session kept', session });
    for (const stream of truth.streams) this.#apply({ type: 'stream kept', stream });
    for (const relay of truth.relays) {
      this.#relays.set(relayKey(relay), streamKey(relay.stream), relay);
    }
    this.#revision = truth.revision;
    this.#reached = Math.max(this.#reached, truth.revision);
    this.#applyEarly();
    if (isNews) this.onRelay(undefined);
  }

  sessions(): Iterable<SessionRef> {
    return this.#sessions.values();
  }

  sessionsOf(room: string): Iterable<SessionRef> {
    return this.#sessions.inGroup(room);
  }

  streams(): Iterable<Stream> {
    return this.#streams.values();
  }

  streamsOf(room: string): Iterable<Stream> {
    return this.#streams.inGroup(room);
  }

  findStream(key: StreamKey): Stream | undefined {
    return this.#streams.get(key);
  }

  findSession(sessionId: string): SessionRef | undefined {
    return this.#sessions.get(sessionId);
  }

  relays(): Iterable<Relay> {
    return this.#relays.values();
  }

  hasRelay(relay: Relay): boolean {
    return this.#relays.get(relayKey(relay)) !== undefined;
  }

  relaysOf(key: StreamKey): Iterable<Relay> {
    return this.#relays.inGroup(key);
  }

  ingests(): Iterable<RunningIngest> {
    return this.#ingests.values();
  }

  findIngest(sessionId: string): RunningIngest | undefined {
    return this.#ingests.get(sessionId);
  }

  #applyEarly(): void {
    const waiting = this.#early.sort((a, b) => a.revision - b.revision);
    this.#early = [];
    for (const fact of waiting) {
      if (fact.revision <= this.#revision) continue;
      if (fact.revision > this.#revision + 1) {
        this.#early.push(fact);
        continue;
      }
      this.#apply(fact.change);
      this.#revision = fact.revision;
    }
  }

  #apply(change: Change): void {
    switch (change.type) {
      case 'session kept':
        this.#sessions.set(change.session.sessionId, change.session.room, change.session);
        return;
      case 'session closed':
        this.#sessions.delete(change.sessionId);
        return;
      case 'stream kept': {
        const { name } = change.stream;
        this.#streams.set(streamKey(name), name.room, change.stream);
        return;
      }
      case 'stream ended': {
        const key = streamKey(change.name);
        const epoch = this.#streams.get(key)?.epoch;
        if (epoch !== undefined && epoch <= change.epoch) this.#streams.delete(key);
        return;
      }
      case 'relay kept':
        this.#relays.set(relayKey(change.relay), streamKey(change.relay.stream), change.relay);
        this.onRelay(change.relay);
        return;
      case 'relay closed':
        this.#relays.delete(relayKey(change.relay));
        this.onRelay(change.relay);
        return;
      case 'ingest kept':
        this.#ingests.set(change.ingest.sessionId, change.ingest);
        return;
      case 'ingest stopped':
        this.#ingests.delete(change.sessionId);
        return;
    }
  }
}

/** Tells relays apart: a router may pull a stream's new epoch while the old relay still lingers. */
export function relayKey({ stream, epoch, from, to }: Relay): string {
  return [streamKey(stream), epoch, from.routerId, to.routerId].join(' ');
}
