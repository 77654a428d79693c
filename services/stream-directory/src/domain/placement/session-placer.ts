import type { RouterRef, SessionRef } from '@sluice/proto-gen/common';
import { SluiceError, type Random } from '@sluice/core';
import type { ClusterView } from '../cluster/cluster-view.js';
import type { KnownNode } from '../cluster/known-node.js';
import {
  selectRouter,
  type PlaceableNode,
  type PlacementLimits,
  type Rejection,
} from './placement.js';
import type { Reservations } from './reservations.js';
import { allowedRegionsOf, type RoomRegionRule } from './room-regions.js';

export interface PlacementRequest {
  /** Empty for a session that belongs to no room yet. */
  readonly room: string;
  readonly region: string;
  readonly zone: string;
  readonly excludeNodeIds: readonly string[];
}

export interface PlacementRules extends PlacementLimits {
  /** `spread`: each new session of a room goes to another node than the last one. */
  readonly policy: 'balanced' | 'spread';
  readonly roomRegions: readonly RoomRegionRule[];
}

/** What one promised session is counted as, of one core: about a camera and a few viewers. */
const PROMISED_LOAD = 0.02;

/**
 * Sessions of one room that a router attracts further ones of it with. A larger room is on many
 * routers anyway: then it costs little to be on one more, and much to fill one after the other.
 */
const ROOM_SESSIONS_MAX = 16;
/** So many within seconds are a crowd, whose size nobody knows yet. */
const ROOM_BURST_MAX = 6;

/** Chooses home routers and remembers what it promised. */
export class SessionPlacer {
  readonly #turns = new Turns();

  constructor(
    private readonly places: {
      readonly view: ClusterView;
      readonly reservations: Reservations;
      readonly isStalled: (node: KnownNode) => boolean;
    },
    private readonly rules: PlacementRules,
    private readonly random: Random,
    private readonly onRejected: (why: Rejection) => void = () => undefined,
  ) {}

  /** @throws {SluiceError} CAPACITY_EXHAUSTED when no node may take it, saying why. */
  place(request: PlacementRequest): RouterRef {
    const policy =
      this.rules.policy === 'balanced'
        ? 'balanced'
        : { spreadAfter: this.#turns.last(request.room) };
    const nodes = [...this.places.view.nodes()].map((node) => this.#placeable(node, request.room));
    const allowedRegions = allowedRegionsOf(request.room, this.rules.roomRegions);
    const wish = { ...request, policy, allowedRegions } as const;
    const { choice, rejected } = selectRouter(nodes, wish, this.rules, this.random);
    for (const why of rejected.values()) this.onRejected(why);
    const node =
      choice && [...this.places.view.nodes()].find(({ nodeId }) => nodeId === choice.nodeId);
    if (!node) throw noNode(rejected);
    this.places.reservations.reserve(request.room, choice.routerId);
    this.#turns.take(request.room, choice.nodeId);
    const { bootId, heartbeat } = node;
    return { ...choice, bootId, grpcAddress: heartbeat.grpcAddress };
  }

  /** A session opened: by another replica's choice, unless it was promised here. */
  hearOpened({ room, routerId }: SessionRef, nodeId: string): void {
    const own = this.places.reservations.open(room, routerId);
    if (!own) this.#turns.take(room, nodeId);
  }

  /** A session ended: it makes room for one that was promised since the last report. */
  hearClosed({ routerId }: SessionRef): void {
    this.places.reservations.close(routerId);
  }

  /** Whether a router has the room, and not so much of it that it should rather go on elsewhere. */
  #isAttractive(room: string, routerId: string, sessions: number | undefined): boolean {
    if (sessions === undefined || sessions >= ROOM_SESSIONS_MAX) return false;
    return this.places.reservations.recent(room, routerId) < ROOM_BURST_MAX;
  }

  #placeable(node: KnownNode, room: string): PlaceableNode {
    const { nodeId, heartbeat } = node;
    const inRoom = room === '' ? new Map<string, number>() : sessionsByRouter(node, room);
    let promised = 0;
    const routers = heartbeat.routers.map(({ routerId }) => {
      const here = this.places.reservations.ofRouter(routerId);
      promised += here;
      const reportedLoad = node.loads.ofRouter(routerId);
      return {
        routerId,
        load: reportedLoad + here * PROMISED_LOAD,
        reportedLoad,
        hasRoom: this.#isAttractive(room, routerId, inRoom.get(routerId)),
      };
    });
    const { region, zone, state } = heartbeat;
    const reportedLoad = node.loads.ofNode;
    const load = reportedLoad + (promised * PROMISED_LOAD) / Math.max(1, routers.length);
    return {
      nodeId,
      region,
      zone,
      state,
      load,
      reportedLoad,
      silenceMs: this.places.view.silenceMs(node),
      stalled: this.places.isStalled(node),
      routers,
    };
  }
}

/** Rooms whose last node is remembered; forgetting the oldest costs no more than a repeated turn. */
const TURNS_MAX = 10_000;

/** The node that each room's last session went to. */
class Turns {
  readonly #nodes = new Map<string, string>();

  last(room: string): string | undefined {
    return this.#nodes.get(room);
  }

  take(room: string, nodeId: string): void {
    this.#nodes.delete(room);
    this.#nodes.set(room, nodeId);
    const [oldest] = this.#nodes.keys();
    if (this.#nodes.size > TURNS_MAX && oldest !== undefined) this.#nodes.delete(oldest);
  }
}

/** Of the routers that have the room: how many of its sessions. */
function sessionsByRouter(node: KnownNode, room: string): Map<string, number> {
  const sessions = new Map<string, number>();
  for (const { routerId } of node.streamsOf(room)) sessions.set(routerId, 0);
  for (const { routerId } of node.sessionsOf(room)) {
    sessions.set(routerId, (sessions.get(routerId) ?? 0) + 1);
  }
  return sessions;
}

function noNode(rejected: ReadonlyMap<string, Rejection>): SluiceError {
  const counts: Record<string, number> = {};
  for (const why of rejected.values()) counts[why] = (counts[why] ?? 0) + 1;
  const reasons = Object.entries(counts).map(([why, nodes]) => `${nodes} ${why}`);
  const because = reasons.length === 0 ? 'no media node is known' : reasons.join(', ');
  return new SluiceError(
    'CAPACITY_EXHAUSTED',
    `no media node can take the session: ${because}`,
    counts,
  );
}
