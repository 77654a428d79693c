import type { RelayTree } from '@sluice/stream-directory/dist/domain/relays/relay-tree.js';
import { LIMITS } from './simulated-cluster.js';

export interface TreeShape {
  readonly routers: number;
  readonly depthMax: number;
  readonly depthMean: number;
  readonly childrenMax: number;
  /** The most copies of the stream that enter any one region, zone and node. */
  readonly copiesMax: Readonly<Record<'region' | 'zone' | 'node', number>>;
  /** What `validate()` says; must be nothing. */
  readonly problems: readonly string[];
}

export function shapeOf(tree: RelayTree): TreeShape {
  const members = [...tree.members()];
  const entries = {
    region: new Map<string, number>(),
    zone: new Map<string, number>(),
    node: new Map<string, number>(),
  };
  // Counted here, relay by relay, and not by the tree's own index.
  for (const { place, parent } of members) {
    const { region, zone, nodeId } = place;
    const from = parent?.place;
    if (from?.region !== region) count(entries.region, region);
    if (from?.region !== region || from.zone !== zone) count(entries.zone, `${region} ${zone}`);
    if (from?.nodeId !== nodeId) count(entries.node, nodeId);
  }
  const depths = members.map(({ depth }) => depth);
  return {
    routers: members.length,
    depthMax: largest(depths),
    depthMean: depths.reduce((sum, depth) => sum + depth, 0) / depths.length,
    childrenMax: largest(members.map(({ children }) => children.size)),
    copiesMax: {
      region: largest(entries.region.values()),
      zone: largest(entries.zone.values()),
      node: largest(entries.node.values()),
    },
    problems: tree.validate(LIMITS),
  };
}

/** Of many trees: the worst of each. */
export function worstOf(shapes: readonly TreeShape[]): TreeShape {
  const most = (of: (shape: TreeShape) => number) => largest(shapes.map(of));
  return {
    routers: most(({ routers }) => routers),
    depthMax: most(({ depthMax }) => depthMax),
    depthMean: shapes.reduce((sum, { depthMean }) => sum + depthMean, 0) / shapes.length,
    childrenMax: most(({ childrenMax }) => childrenMax),
    copiesMax: {
      region: most(({ copiesMax }) => copiesMax.region),
      zone: most(({ copiesMax }) => copiesMax.zone),
      node: most(({ copiesMax }) => copiesMax.node),
    },
    problems: shapes.flatMap(({ problems }) => problems),
  };
}

function largest(values: Iterable<number>): number {
  let max = 0;
  for (const value of values) max = Math.max(max, value);
  return max;
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
