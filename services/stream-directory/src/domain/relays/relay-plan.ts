import {
  levelOf,
  type Level,
  type Member,
  type PlacedRouter,
  type RelayTree,
  type TreeLimits,
} from './relay-tree.js';

export interface RelaySnapshot {
  /** Of the stream's relays, those planned and not yet open included. */
  readonly tree: RelayTree;
  readonly limits: TreeLimits;
}

export interface RelayWish {
  readonly to: PlacedRouter;
  /** Parents that have just failed it. */
  readonly excludeRouterIds: readonly string[];
}

export interface RelayPlan {
  readonly parent: PlacedRouter;
  /** Relays between the origin and the wanting router. */
  readonly depth: number;
}

/**
 * The router from which another should pull a stream: of its own node if one has it, else of its
 * zone, else of its region, else of any; so each boundary is crossed once. Among those the one
 * nearest to the origin that still has room. Undefined when none has.
 *
 * Pure. A router that is in the tree already moves, with everything that it feeds.
 */
export function planRelay({ tree, limits }: RelaySnapshot, wish: RelayWish): RelayPlan | undefined {
  const { routerId } = wish.to.router;
  const moving = tree.find(routerId);
  const depthMax = limits.maxDepth - tree.height(routerId) - 1;
  const isAble = (member: Member) =>
    member.depth <= depthMax &&
    !wish.excludeRouterIds.includes(member.router.routerId) &&
    !(moving && isAtOrBelow(moving, member));
  for (const level of [0, 1, 2, 3] as const) {
    let best: Offer | undefined;
    for (const member of tree.within(level, wish.to.place)) {
      // Cheap first: of many members only few are better than the best so far.
      if (best && member.depth > best.member.depth) continue;
      if (!isAble(member)) continue;
      const offer = offerOf(member, moving);
      if (!best || isBetter(offer, best)) best = hasRoom(offer, wish.to, limits) ? offer : best;
    }
    if (best) return { parent: best.member, depth: best.member.depth + 1 };
  }
  return undefined;
}

/** What a possible parent feeds beside the router that wants to be fed. */
interface Offer {
  readonly member: Member;
  readonly children: number;
  readonly fedOn: readonly number[];
}

function offerOf(member: Member, moving: Member | undefined): Offer {
  const { children, fedOn } = member;
  if (moving?.parent !== member) return { member, children: children.size, fedOn };
  const own = levelOf(member.place, moving.place);
  const others = fedOn.map((fed, level) => (level === own ? fed - 1 : fed));
  return { member, children: children.size - 1, fedOn: others };
}

/**
 * Of its places, a router keeps one for each inner level on which it feeds nobody yet. So whoever
 * joins inside a node, zone or region that has the stream always finds a place there.
 */
function hasRoom({ member, children, fedOn }: Offer, child: PlacedRouter, limits: TreeLimits) {
  const level = levelOf(member.place, child.place);
  const kept = LEVELS.filter((inner) => inner < level && fedOn[inner] === 0).length;
  return children + kept < limits.maxChildren;
}

const LEVELS: readonly Level[] = [0, 1, 2, 3];

function isBetter(offer: Offer, best: Offer): boolean {
  if (offer.member.depth !== best.member.depth) return offer.member.depth < best.member.depth;
  return offer.children < best.children;
}

/** What a moving router feeds moves along, so it cannot feed the router. */
function isAtOrBelow(moving: Member, member: Member): boolean {
  for (let above: Member | undefined = member; above; above = above.parent) {
    if (above === moving) return true;
  }
  return false;
}
