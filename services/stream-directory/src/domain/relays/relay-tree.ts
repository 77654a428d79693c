import type { RouterRef } from '@sluice/proto-gen/common';

/** Where a router is. Routers with an equal place down to a level are together on that level. */
export interface Place {
  readonly region: string;
  readonly zone: string;
  readonly nodeId: string;
}

/** A router and its place in the topology. */
export interface PlacedRouter {
  readonly router: RouterRef;
  readonly place: Place;
}

export interface TreeEdge {
  readonly parent: PlacedRouter;
  readonly child: PlacedRouter;
}

export interface TreeLimits {
  /** Children that one router feeds. At least 4: one for each level. */
  readonly maxChildren: number;
  /** Relays between the origin and any router. */
  readonly maxDepth: number;
}

export const FANOUT_MIN = 4;

/** The outermost boundary that a relay crosses: 0 none (inside a node), 1 node, 2 zone, 3 region. */
export type Level = 0 | 1 | 2 | 3;

/** The level of a relay between two routers. */
export function levelOf(a: Place, b: Place): Level {
  if (a.region !== b.region) return 3;
  if (a.zone !== b.zone) return 2;
  return a.nodeId === b.nodeId ? 0 : 1;
}

export interface Member extends PlacedRouter {
  readonly parent: Member | undefined;
  readonly children: ReadonlySet<Member>;
  /** How many of its children are fed on each level. */
  readonly fedOn: readonly [number, number, number, number];
  /** Relays between the origin and it. */
  readonly depth: number;
}

interface Grown extends Member {
  readonly parent: Grown | undefined;
  readonly children: Set<Grown>;
  readonly fedOn: [number, number, number, number];
}

/** A node, zone or region that a stream enters more than once, and the routers where it does. */
export interface Crowd {
  readonly group: string;
  readonly entries: readonly Member[];
}

/**
 * The relay tree of one stream: what can be reached from its origin. It can be changed edge by edge,
 * at a cost that does not depend on its size, but on what hangs on the edge.
 */
export class RelayTree {
  readonly #members = new Map<string, Grown>();
  /** The edge to each router, though its parent be out of reach. */
  readonly #edgeTo = new Map<string, TreeEdge>();
  readonly #fedBy = new Map<string, Set<string>>();
  /** Routers with an edge to them that begins or ends on a node, by node. */
  readonly #touching = new Map<string, Set<string>>();
  /** Members by node, zone and region. */
  readonly #together = new Groups();
  /** Members whose relay brings the stream into a node, zone or region, by those. */
  readonly #entries = new Groups();

  /** Of two edges to one router the later one holds: it is being moved. */
  constructor(
    readonly origin: PlacedRouter,
    edges: readonly TreeEdge[],
  ) {
    for (const edge of edges) this.#note(edge);
    this.#grow(origin, undefined);
  }

  get size(): number {
    return this.#members.size;
  }

  /** Replaces the edge that the child had. */
  connect(edge: TreeEdge): void {
    this.disconnect(edge.child.router.routerId);
    this.#note(edge);
    const parent = this.#members.get(edge.parent.router.routerId);
    if (parent && this.#edgeTo.has(edge.child.router.routerId)) this.#grow(edge.child, parent);
  }

  /** What the router feeds goes out of reach with it, until it is connected again. */
  disconnect(routerId: string): void {
    const edge = this.#edgeTo.get(routerId);
    if (!edge) return;
    this.#forget(edge);
    const member = this.#members.get(routerId);
    if (member) this.#prune(member);
  }

  find(routerId: string): Member | undefined {
    return this.#members.get(routerId);
  }

  members(): Iterable<Member> {
    return this.#members.values();
  }

  /** Members from which a relay to `place` would cross no boundary beyond `level`. */
  within(level: Level, place: Place): Iterable<Member> {
    const group = groupsOf(place)[level];
    return group === undefined ? this.members() : this.#together.of(group);
  }

  /** The edges that begin or end on a node, those out of reach included. */
  edgesAt(nodeId: string): TreeEdge[] {
    const routerIds = this.#touching.get(nodeId) ?? [];
    return [...routerIds].flatMap((routerId) => this.#edgeTo.get(routerId) ?? []);
  }

  /** Relays between a router and the one farthest below it; 0 for one that feeds nobody. */
  height(routerId: string, top = routerId): number {
    let height = 0;
    for (const child of this.#fedBy.get(routerId) ?? []) {
      // Out of the origin's reach there may be a cycle.
      if (child !== top) height = Math.max(height, 1 + this.height(child, top));
    }
    return height;
  }

  /** Where a boundary is crossed more than once. */
  crowds(): Crowd[] {
    return [...this.#entries.crowded()].map(([group, entries]) => ({
      group,
      entries: [...entries],
    }));
  }

  /**
   * What is wrong with the tree; empty when nothing is: within the depth bound and the fan-out, and
   * each region, zone and node entered once. One parent each and no cycle hold by construction.
   */
  validate(limits: TreeLimits): string[] {
    const problems: string[] = [];
    for (const member of this.members()) {
      const { routerId } = member.router;
      if (member.depth > limits.maxDepth) problems.push(`${routerId} is ${member.depth} deep`);
      if (member.children.size > limits.maxChildren) {
        problems.push(`${routerId} feeds ${member.children.size}`);
      }
    }
    for (const { group, entries } of this.crowds()) {
      const routers = entries.map(({ router }) => router.routerId);
      problems.push(`${group} is entered by ${routers.join(' and ')}`);
    }
    return problems;
  }

  #note(edge: TreeEdge): void {
    const { routerId } = edge.child.router;
    const parentId = edge.parent.router.routerId;
    if (routerId === this.origin.router.routerId || routerId === parentId) return;
    const before = this.#edgeTo.get(routerId);
    if (before) this.#forget(before);
    this.#edgeTo.set(routerId, edge);
    addTo(this.#fedBy, parentId, routerId);
    for (const { place } of [edge.parent, edge.child])
      addTo(this.#touching, place.nodeId, routerId);
  }

  #forget({ parent, child }: TreeEdge): void {
    const { routerId } = child.router;
    this.#edgeTo.delete(routerId);
    removeFrom(this.#fedBy, parent.router.routerId, routerId);
    for (const { place } of [parent, child]) removeFrom(this.#touching, place.nodeId, routerId);
  }

  #grow({ router, place }: PlacedRouter, parent: Grown | undefined): void {
    const member: Grown = {
      router,
      place,
      parent,
      children: new Set(),
      fedOn: [0, 0, 0, 0],
      depth: parent ? parent.depth + 1 : 0,
    };
    if (parent) {
      parent.children.add(member);
      parent.fedOn[levelOf(parent.place, place)] += 1;
    }
    this.#members.set(router.routerId, member);
    for (const group of groupsOf(place)) this.#together.add(group, member);
    for (const group of groupsEnteredBy(member)) this.#entries.add(group, member);
    for (const childId of this.#fedBy.get(router.routerId) ?? []) {
      const edge = this.#edgeTo.get(childId);
      if (edge) this.#grow(edge.child, member);
    }
  }

  #prune(member: Grown): void {
    for (const child of member.children) this.#prune(child);
    const { parent, place } = member;
    if (parent) {
      parent.children.delete(member);
      parent.fedOn[levelOf(parent.place, place)] -= 1;
    }
    this.#members.delete(member.router.routerId);
    for (const group of groupsOf(place)) this.#together.remove(group, member);
    for (const group of groupsEnteredBy(member)) this.#entries.remove(group, member);
  }
}

function addTo(sets: Map<string, Set<string>>, key: string, value: string): void {
  sets.set(key, (sets.get(key) ?? new Set()).add(value));
}

function removeFrom(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key);
  set?.delete(value);
  if (set?.size === 0) sets.delete(key);
}

/** Members by group, and which groups have more than one. */
class Groups {
  readonly #members = new Map<string, Set<Member>>();
  readonly #crowded = new Map<string, ReadonlySet<Member>>();

  add(group: string, member: Member): void {
    const members = this.#members.get(group) ?? new Set();
    this.#members.set(group, members.add(member));
    if (members.size > 1) this.#crowded.set(group, members);
  }

  remove(group: string, member: Member): void {
    const members = this.#members.get(group);
    members?.delete(member);
    if (members?.size === 0) this.#members.delete(group);
    if (members && members.size < 2) this.#crowded.delete(group);
  }

  of(group: string): Iterable<Member> {
    return this.#members.get(group) ?? [];
  }

  crowded(): Iterable<readonly [string, ReadonlySet<Member>]> {
    return this.#crowded;
  }
}

/** From the innermost: the level of a relay between two of one group is at most the group's index. */
function groupsOf({ region, zone, nodeId }: Place): string[] {
  return [`node ${nodeId}`, `zone ${region}/${zone}`, `region ${region}`];
}

/** The node, zone and region that its relay brings the stream into. */
function groupsEnteredBy({ place, parent }: Member): string[] {
  return groupsOf(place).slice(0, parent ? levelOf(parent.place, place) : 3);
}
