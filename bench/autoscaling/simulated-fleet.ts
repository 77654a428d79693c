import type { Random } from '@sluice/core';
import {
  loadOf,
  smoothed,
  type Capacity,
  type Usage,
} from '@sluice/media-worker/dist/domain/node/load.js';
import {
  selectRouter,
  type PlaceableNode,
} from '@sluice/stream-directory/dist/domain/placement/placement.js';
import type { ScaledPod } from './horizontal-autoscaler.js';
import { podsToDelete, type OwnedPod } from './replica-set.js';
import { SESSION_COST } from './session-cost.js';

/** As the chart has them by default. */
export const NODE_LOAD_MAX = 0.85;
const CAPACITY: Capacity = { egressBps: 1e9, ingressBps: 1e9, consumers: 20_000 };
const CORES = ['core-1', 'core-2', 'core-3', 'core-4'];
const DRAIN_S = 300;
const MOVES_PER_SECOND = 200;
/** From the wish for a pod to a node that serves: a host, an image, a start. */
const START_S = 75;
const SCRAPE_S = 15;
const TICK_MS = 1_000;
const ROOM_MAX = 10;

interface Session {
  readonly room: Room;
  node: SimulatedNode;
  core: string;
}

interface Room {
  readonly members: Set<Session>;
}

/** A media node and its pod. */
interface SimulatedNode extends OwnedPod {
  phase: 'Pending' | 'Running';
  ready: boolean;
  deletionCost: number;
  readonly runsAtS: number;
  readonly sessions: Set<Session>;
  deletingSinceS: number | undefined;
  load: number;
  cores: ReadonlyMap<string, number>;
  scraped: number | undefined;
}

/** What a run must not show, and what it costs. */
export interface FleetOutcome {
  /** Joins that found no node with room, each second that they tried. */
  readonly refused: number;
  /** Sessions that a drain ended instead of moving. */
  readonly lost: number;
  readonly moved: number;
  /** Sessions of each pod that was deleted, as it had said, and the fewest of any that stayed. */
  readonly deletions: readonly { readonly sessions: number; readonly fewestKept: number }[];
  readonly loadMost: number;
}

/**
 * Media nodes of which the load, the placement and the choice of what is deleted are the real
 * functions; sessions cost what they were measured to cost.
 */
export class SimulatedFleet {
  #nowS = 0;
  #count = 0;
  readonly #nodes: SimulatedNode[] = [];
  readonly #rooms: Room[] = [];
  readonly #sessions: Session[] = [];
  #refused = 0;
  #lost = 0;
  #moved = 0;
  #loadMost = 0;
  readonly #deletions: { sessions: number; fewestKept: number }[] = [];

  constructor(
    private readonly random: Random,
    nodes: number,
  ) {
    for (let index = 0; index < nodes; index += 1) this.#create(0);
  }

  get replicas(): number {
    return this.#nodes.filter(({ deletingSinceS }) => deletingSinceS === undefined).length;
  }

  get sessions(): number {
    return this.#sessions.length;
  }

  get outcome(): FleetOutcome {
    const { loadMost, deletions } = { loadMost: this.#loadMost, deletions: this.#deletions };
    return { refused: this.#refused, lost: this.#lost, moved: this.#moved, deletions, loadMost };
  }

  /** What the metrics API has; a node that drains is left out, as prometheus-adapter's rule does. */
  pods(): ScaledPod[] {
    return this.#nodes.map(({ phase, deletingSinceS, scraped }) => ({
      phase,
      deleting: deletingSinceS !== undefined,
      metrics: scraped === undefined ? {} : { load: scraped },
    }));
  }

  scaleTo(replicas: number): void {
    for (let more = replicas - this.replicas; more > 0; more -= 1) this.#create(START_S);
    const living = this.#nodes.filter(({ deletingSinceS }) => deletingSinceS === undefined);
    const chosen = podsToDelete(living, living.length - replicas);
    for (const node of chosen) this.#delete(node, living, chosen);
  }

  /** One second with so many participants who want to be in rooms. */
  tick(wanted: number): void {
    this.#nowS += 1;
    for (const node of this.#nodes) this.#live(node);
    for (let left = wanted - this.sessions; left > 0; left -= 1) if (!this.#join()) break;
    for (let more = this.sessions - wanted; more > 0; more -= 1) this.#leave();
    this.#measure();
    for (const node of [...this.#nodes]) if (node.deletingSinceS !== undefined) this.#drain(node);
  }

  /** Somebody leaves, and somebody else comes: people move between rooms. */
  churn(): void {
    if (this.sessions === 0) return;
    this.#leave();
    this.#join();
  }

  #create(startS: number): void {
    this.#count += 1;
    const starting = startS > 0;
    this.#nodes.push({
      name: `media-${String(this.#count)}`,
      phase: starting ? 'Pending' : 'Running',
      ready: !starting,
      deletionCost: 0,
      createdAtS: this.#nowS,
      runsAtS: this.#nowS + startS,
      sessions: new Set(),
      deletingSinceS: undefined,
      load: 0,
      cores: new Map(),
      scraped: starting ? undefined : 0,
    });
  }

  #delete(
    node: SimulatedNode,
    living: readonly SimulatedNode[],
    chosen: readonly SimulatedNode[],
  ): void {
    const kept = living.filter((one) => one.phase === 'Running' && !chosen.includes(one));
    const fewestKept = Math.min(...kept.map(({ deletionCost }) => deletionCost));
    this.#deletions.push({ sessions: node.deletionCost, fewestKept });
    node.deletingSinceS = this.#nowS;
  }

  #live(node: SimulatedNode): void {
    if (node.phase === 'Pending' && this.#nowS >= node.runsAtS) {
      node.phase = 'Running';
      node.ready = true;
    }
    // The node keeps its pod-deletion-cost at its number of sessions.
    node.deletionCost = node.sessions.size;
    if (node.phase === 'Running' && this.#nowS % SCRAPE_S === 0) node.scraped = node.load;
  }

  #join(): boolean {
    const open = this.#rooms.filter(({ members }) => members.size < ROOM_MAX);
    const room = open[Math.floor(this.random() * open.length)] ?? this.#newRoom();
    const home = this.#place(room);
    if (!home) {
      this.#refused += 1;
      if (room.members.size === 0) this.#closeRoom(room);
      return false;
    }
    const session: Session = { room, ...home };
    room.members.add(session);
    home.node.sessions.add(session);
    this.#sessions.push(session);
    return true;
  }

  #leave(): void {
    const [session] = this.#sessions.splice(Math.floor(this.random() * this.sessions), 1);
    if (session) this.#end(session);
  }

  #end(session: Session): void {
    session.node.sessions.delete(session);
    session.room.members.delete(session);
    if (session.room.members.size === 0) this.#closeRoom(session.room);
  }

  #newRoom(): Room {
    const room: Room = { members: new Set() };
    this.#rooms.push(room);
    return room;
  }

  #closeRoom(room: Room): void {
    const index = this.#rooms.indexOf(room);
    if (index >= 0) this.#rooms.splice(index, 1);
  }

  #place(room: Room): { node: SimulatedNode; core: string } | undefined {
    const running = this.#nodes.filter(({ phase }) => phase === 'Running');
    const wish = {
      region: '',
      zone: '',
      excludeNodeIds: [],
      allowedRegions: 'any' as const,
      policy: 'balanced' as const,
    };
    const placeable = running.map((node) => placeableNode(node, room));
    const { choice } = selectRouter(
      placeable,
      wish,
      { nodeLoadMax: NODE_LOAD_MAX, silentMs: 2_500 },
      this.random,
    );
    const node = running.find(({ name }) => name === choice?.nodeId);
    return node && choice && { node, core: choice.routerId };
  }

  #measure(): void {
    for (const node of this.#nodes) {
      const load = loadOf(usageOf(node), CAPACITY);
      node.load = smoothed(node.load, load.node, TICK_MS);
      node.cores = load.routers;
      this.#loadMost = Math.max(this.#loadMost, node.load);
    }
  }

  #drain(node: SimulatedNode): void {
    for (const session of [...node.sessions].slice(0, MOVES_PER_SECOND)) {
      const home = this.#place(session.room);
      if (!home) break;
      node.sessions.delete(session);
      Object.assign(session, home);
      home.node.sessions.add(session);
      this.#moved += 1;
    }
    const late = this.#nowS - (node.deletingSinceS ?? 0) >= DRAIN_S;
    if (late) {
      for (const session of node.sessions) {
        this.#lost += 1;
        this.#sessions.splice(this.#sessions.indexOf(session), 1);
        this.#end(session);
      }
    }
    if (node.sessions.size === 0) this.#nodes.splice(this.#nodes.indexOf(node), 1);
  }
}

function placeableNode(node: SimulatedNode, room: Room): PlaceableNode {
  const here = new Set(
    [...room.members].filter((one) => one.node === node).map(({ core }) => core),
  );
  return {
    nodeId: node.name,
    region: '',
    zone: '',
    state: node.deletingSinceS === undefined ? 'serving' : 'draining',
    load: node.load,
    reportedLoad: node.load,
    silenceMs: 0,
    stalled: false,
    routers: CORES.map((routerId) => {
      const load = node.cores.get(routerId) ?? 0;
      return { routerId, load, reportedLoad: load, hasRoom: here.has(routerId) };
    }),
  };
}

/** Everybody sends a camera and a microphone, and receives those of all others in the room. */
function usageOf(node: SimulatedNode): Map<string, Usage> {
  const streams = new Map(CORES.map((core) => [core, { received: 0, sent: 0 }]));
  const rooms = Map.groupBy(node.sessions, ({ room }) => room);
  for (const [room, here] of rooms) {
    const elsewhere = room.members.size - here.length;
    const otherNodes = new Set([...room.members].map((one) => one.node)).size - 1;
    for (const { core } of here) {
      const counts = streams.get(core);
      if (!counts) continue;
      counts.received += 1 + elsewhere / here.length;
      counts.sent += room.members.size - 1 + otherNodes;
    }
  }
  const { packetsPerSecond, bitsPerSecond, coreSecondsPerPacket, tracks } = SESSION_COST;
  return new Map(
    [...streams].map(([core, { received, sent }]) => [
      core,
      {
        cpuShare: (received + sent) * packetsPerSecond * coreSecondsPerPacket,
        ingressBps: received * bitsPerSecond,
        egressBps: sent * bitsPerSecond,
        consumers: sent * tracks,
      },
    ]),
  );
}
