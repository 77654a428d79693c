import type { Random } from '@sluice/core';
import { isAllowed, type AllowedRegions } from './room-regions.js';

export interface PlaceableRouter {
  readonly routerId: string;
  /** Fraction of one core's capacity, 0 to 1, promised sessions included. */
  readonly load: number;
  /** The same without them, as it was reported. */
  readonly reportedLoad: number;
  /** Whether it has streams or sessions of the room already. */
  readonly hasRoom: boolean;
}

export interface PlaceableNode {
  readonly nodeId: string;
  readonly region: string;
  readonly zone: string;
  readonly state: 'serving' | 'draining';
  /** Fraction of capacity, 0 to 1, promised sessions included. */
  readonly load: number;
  /** The same without them, as it was reported. */
  readonly reportedLoad: number;
  /** Milliseconds since its last sign of life, by the directory's clock. */
  readonly silenceMs: number;
  /** Its control process stands still while its workers forward. */
  readonly stalled: boolean;
  readonly routers: readonly PlaceableRouter[];
}

export interface Wish {
  /** Where the client is, empty when unknown. */
  readonly region: string;
  readonly zone: string;
  readonly excludeNodeIds: readonly string[];
  /** Where the room's sessions may live. */
  readonly allowedRegions: AllowedRegions;
  /**
   * `balanced`: near the client, near the room's streams, then the least loaded of a few.
   * `spread`: the next node in turn after the one named, or any when none is.
   */
  readonly policy: 'balanced' | { readonly spreadAfter: string | undefined };
}

export interface PlacementLimits {
  /** A node at this load takes nothing new. */
  readonly nodeLoadMax: number;
  /** A node silent for longer takes nothing new. */
  readonly silentMs: number;
}

export const REJECTIONS = [
  'draining',
  'silent',
  'stalled',
  'full',
  'excluded',
  'region',
  'no router',
] as const;
export type Rejection = (typeof REJECTIONS)[number];

export interface Choice {
  readonly nodeId: string;
  readonly routerId: string;
}

export interface Selection {
  readonly choice: Choice | undefined;
  /** Why each of the other nodes could not be chosen at all. */
  readonly rejected: ReadonlyMap<string, Rejection>;
}

/** A router that has the room is preferred only up to this share of a node's limit. */
const ROOM_PREFERENCE_LOAD_SHARE = 0.75;

/**
 * What a promised session will cost is a guess. Below this share of a limit the guess says only who
 * is fuller: a crowd that comes to an idle cluster is let in, not turned away on a guess.
 */
const PROMISES_COUNT_FROM_SHARE = 0.5;

/**
 * Nodes that a choice is made of. Rooms attract their next sessions, so the first one decides for
 * several: with two, a burst of small rooms would often end more than 15 % off even; with all of
 * them, replicas that have not heard of each other's choices would make the same one.
 */
const NODES_DRAWN = 4;

/**
 * Picks the home router of a new session: hard limits, then soft preferences, then the least loaded
 * of a few drawn at random, since a burst of joins must not all land on the one coldest router.
 *
 * Pure; a seeded `random` makes it deterministic.
 */
export function selectRouter(
  nodes: readonly PlaceableNode[],
  wish: Wish,
  limits: PlacementLimits,
  random: Random,
): Selection {
  const rejected = new Map<string, Rejection>();
  const eligible = nodes.filter((node) => {
    const why = rejection(node, wish, limits);
    if (why) rejected.set(node.nodeId, why);
    return !why;
  });
  const choice =
    wish.policy === 'balanced'
      ? balanced(eligible, wish, limits, random)
      : spread(eligible, wish.policy.spreadAfter);
  return { choice, rejected };
}

function rejection(
  node: PlaceableNode,
  wish: Wish,
  limits: PlacementLimits,
): Rejection | undefined {
  if (wish.excludeNodeIds.includes(node.nodeId)) return 'excluded';
  if (node.state === 'draining') return 'draining';
  if (node.silenceMs > limits.silentMs) return 'silent';
  if (node.stalled) return 'stalled';
  if (!isAllowed(node.region, wish.allowedRegions)) return 'region';
  if (node.routers.length === 0) return 'no router';
  const full = isFull(node, limits.nodeLoadMax);
  return full || node.routers.every(isRouterFull) ? 'full' : undefined;
}

function isFull(
  { load, reportedLoad }: Pick<PlaceableNode, 'load' | 'reportedLoad'>,
  loadMax: number,
): boolean {
  return (reportedLoad < loadMax * PROMISES_COUNT_FROM_SHARE ? reportedLoad : load) >= loadMax;
}

function isRouterFull(router: PlaceableRouter): boolean {
  return isFull(router, 1);
}

interface Candidate extends Choice {
  /** Of the router or its node, whichever is fuller. */
  readonly fullness: number;
  /** For comparison: of the router and its node together. */
  readonly load: number;
  readonly hasRoom: boolean;
}

function balanced(
  nodes: readonly PlaceableNode[],
  wish: Wish,
  limits: PlacementLimits,
  random: Random,
): Choice | undefined {
  const inRegion = preferred(nodes, (node) => node.region === wish.region);
  const near = preferred(
    inRegion,
    (node) => node.region === wish.region && node.zone === wish.zone,
  );
  const candidates = near.flatMap(candidatesOf);
  const roomLoadMax = limits.nodeLoadMax * ROOM_PREFERENCE_LOAD_SHARE;
  const best = preferred(candidates, ({ hasRoom, fullness }) => hasRoom && fullness < roomLoadMax);
  return choiceOf(lightestOfAFew(best, random));
}

/** Those that `fits`, or all when none does. */
function preferred<T>(all: readonly T[], fits: (one: T) => boolean): readonly T[] {
  const fitting = all.filter(fits);
  return fitting.length > 0 ? fitting : all;
}

/** An idle router of a busy node has less room than one of an idle node. */
function candidatesOf(node: PlaceableNode): Candidate[] {
  return node.routers
    .filter((router) => !isRouterFull(router))
    .map(({ routerId, load, hasRoom }) => ({
      nodeId: node.nodeId,
      routerId,
      fullness: Math.max(load, node.load),
      load: load + node.load,
      hasRoom,
    }));
}

/** Of a few nodes drawn at random: the router that is least loaded, its node counted in. */
function lightestOfAFew(candidates: readonly Candidate[], random: Random): Candidate | undefined {
  const byNode = Map.groupBy(shuffled(candidates, random), ({ nodeId }) => nodeId);
  const drawn = shuffled([...byNode.values()], random)
    .slice(0, NODES_DRAWN)
    .flat();
  return drawn.reduce<Candidate | undefined>(
    (best, one) => (best && best.load <= one.load ? best : one),
    undefined,
  );
}

function shuffled<T>(all: readonly T[], random: Random): T[] {
  const rest = [...all];
  for (let index = rest.length - 1; index > 0; index -= 1) {
    const other = Math.floor(random() * (index + 1));
    [rest[index], rest[other]] = [rest[other] as T, rest[index] as T];
  }
  return rest;
}

function spread(nodes: readonly PlaceableNode[], after: string | undefined): Choice | undefined {
  const inTurn = [...nodes].sort((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
  const next = inTurn.find((node) => after === undefined || node.nodeId > after) ?? inTurn[0];
  if (!next) return undefined;
  return choiceOf(candidatesOf(next).sort((a, b) => a.load - b.load)[0]);
}

function choiceOf(candidate: Candidate | undefined): Choice | undefined {
  return candidate && { nodeId: candidate.nodeId, routerId: candidate.routerId };
}
