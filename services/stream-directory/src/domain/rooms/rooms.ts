import { parseStreamKey, streamKey, type StreamKey, type StreamName } from '@sluice/core';
import type { ClusterView, SessionAt, StreamAt } from '../cluster/cluster-view.js';
import type { Stream } from '../cluster/facts.js';
import type { Hearing, StreamRecords } from '../ports.js';
import type { StreamRecord } from '../streams/stream-record.js';
import { isSuperseded } from '../streams/stream-claims.js';
import type { StreamRegistry } from '../streams/stream-registry.js';

export interface RoomStream {
  readonly stream: Stream;
  /** Who publishes it, as shown to others; empty while unknown. */
  readonly username: string;
  readonly nodeId: string;
}

export interface Room {
  readonly sessions: readonly SessionAt[];
  readonly streams: readonly RoomStream[];
}

/** Who and what is in which room, as nodes and records together tell. */
export class Rooms {
  constructor(
    private readonly view: ClusterView,
    private readonly records: StreamRecords,
    private readonly registry: StreamRegistry,
    private readonly hearing: Hearing,
  ) {}

  /** Includes all that was published before the call, through whichever replica. */
  async get(room: string): Promise<Room> {
    await this.hearing.catchUp();
    return { sessions: [...this.view.sessions(room)], streams: this.#streams(room) };
  }

  streams(): RoomStream[] {
    return this.#streams(undefined);
  }

  /** The sessions that a signaling connection had opened. */
  async sessionsOf(connectionId: string): Promise<SessionAt[]> {
    await this.hearing.catchUp();
    return [...this.view.sessionsOf(connectionId)];
  }

  #streams(room: string | undefined): RoomStream[] {
    const streams = new Map<StreamKey, RoomStream>();
    const offer = (key: StreamKey, candidate: RoomStream) => {
      const known = streams.get(key)?.stream.epoch ?? -1;
      if (candidate.stream.epoch > known) streams.set(key, candidate);
    };
    for (const at of this.view.streams(room)) {
      const key = streamKey(at.stream.name);
      if (!isSuperseded(at.stream.epoch, this.records.find(key)?.record))
        offer(key, this.#toldByNode(at));
    }
    const records = room === undefined ? this.records.all() : this.records.ofRoom(room);
    for (const [key, { record }] of records) {
      const name = parseStreamKey(key);
      if (name && !this.registry.isOver(record)) offer(key, this.#toldByRecord(name, record));
    }
    return [...streams.values()];
  }

  #toldByNode({ stream, node }: StreamAt): RoomStream {
    const username = node.findSession(stream.sessionId)?.username ?? '';
    return { stream, username, nodeId: node.nodeId };
  }

  /** Claimed, and its tracks not heard of yet. */
  #toldByRecord(name: StreamName, { epoch, sessionId, origin }: StreamRecord): RoomStream {
    const { nodeId, bootId, routerId } = origin;
    const username = this.view.find(nodeId, bootId)?.findSession(sessionId)?.username ?? '';
    return { stream: { name, epoch, sessionId, routerId, tracks: [] }, username, nodeId };
  }
}
