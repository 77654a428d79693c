import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planRelay } from './relay-plan.js';
import {
  RelayTree,
  levelOf,
  type PlacedRouter,
  type TreeEdge,
  type TreeLimits,
} from './relay-tree.js';

const LIMITS: TreeLimits = { maxChildren: 4, maxDepth: 12 };

/** `eu/1/a/0`: router 0 of node a in zone 1 of region eu. */
function at(path: string): PlacedRouter {
  const [region = '', zone = '', node = ''] = path.split('/');
  const nodeId = `${region}-${zone}-${node}`;
  const router = { nodeId, bootId: 'boot', routerId: path, grpcAddress: 'somewhere:1' };
  return { router, place: { region, zone, nodeId } };
}

const edge = (parent: string, child: string): TreeEdge => ({
  parent: at(parent),
  child: at(child),
});

function planned(
  origin: string,
  edges: readonly TreeEdge[],
  to: string,
  { limits = LIMITS, exclude = [] as string[] } = {},
): string | undefined {
  const wish = { to: at(to), excludeRouterIds: exclude };
  return planRelay({ tree: new RelayTree(at(origin), edges), limits }, wish)?.parent.router
    .routerId;
}

describe('a stream is pulled', () => {
  test('from the origin when nobody else has it', () => {
    expect(planned('eu/1/a/0', [], 'eu/1/b/0')).toBe('eu/1/a/0');
  });

  test('from the entry of its node, not again from the origin', () => {
    expect(planned('eu/1/a/0', [edge('eu/1/a/0', 'eu/1/b/0')], 'eu/1/b/1')).toBe('eu/1/b/0');
  });

  test('from its zone, else from its region', () => {
    const edges = [edge('eu/1/a/0', 'us/1/c/0'), edge('us/1/c/0', 'us/2/d/0')];
    expect(planned('eu/1/a/0', edges, 'us/2/e/0')).toBe('us/2/d/0');
    expect(planned('eu/1/a/0', edges, 'us/3/e/0')).toBe('us/1/c/0');
    const limits = { maxChildren: 5, maxDepth: 8 };
    expect(planned('eu/1/a/0', edges, 'as/1/f/0', { limits })).toBe('eu/1/a/0');
  });

  test('between two cores of the origin’s own node', () => {
    expect(planned('eu/1/a/0', [edge('eu/1/a/0', 'eu/1/b/0')], 'eu/1/a/1')).toBe('eu/1/a/0');
  });

  test('never from a router that it feeds itself', () => {
    const edges = [edge('eu/1/a/0', 'eu/1/b/0'), edge('eu/1/b/0', 'eu/1/c/0')];
    expect(planned('eu/1/a/0', edges, 'eu/1/b/0', { exclude: ['eu/1/a/0'] })).toBeUndefined();
  });

  test('from somebody else after a parent failed', () => {
    const edges = [edge('eu/1/a/0', 'eu/1/b/0')];
    expect(planned('eu/1/a/0', edges, 'eu/1/b/1', { exclude: ['eu/1/b/0'] })).toBe('eu/1/a/0');
  });

  test('not from routers that the origin does not reach any more', () => {
    const edges = [edge('eu/1/gone/0', 'eu/1/b/0')];
    expect(planned('eu/1/a/0', edges, 'eu/1/b/1')).toBe('eu/1/a/0');
  });

  test('from a full router’s children, one deeper', () => {
    // The origin's last place is kept for its own node.
    const children = ['b', 'c', 'd'].map((node) => edge('eu/1/a/0', `eu/1/${node}/0`));
    expect(planned('eu/1/a/0', children, 'eu/1/e/0')).toBe('eu/1/b/0');
    expect(planned('eu/1/a/0', children, 'eu/1/a/1')).toBe('eu/1/a/0');
  });

  test('not at all beyond the depth bound', () => {
    const limits = { maxChildren: 4, maxDepth: 1 };
    const children = ['b', 'c', 'd'].map((node) => edge('eu/1/a/0', `eu/1/${node}/0`));
    expect(planned('eu/1/a/0', children, 'eu/1/e/0', { limits })).toBeUndefined();
  });
});

test('the depth of a plan counts the relays from the origin', () => {
  const edges = [edge('eu/1/a/0', 'us/1/c/0')];
  const wish = { to: at('us/1/c/1'), excludeRouterIds: [] };
  expect(
    planRelay({ tree: new RelayTree(at('eu/1/a/0'), edges), limits: LIMITS }, wish)?.depth,
  ).toBe(2);
});

test('validate names what is wrong', () => {
  const twice = [edge('eu/1/a/0', 'us/1/c/0'), edge('eu/1/a/0', 'us/2/d/0')];
  expect(new RelayTree(at('eu/1/a/0'), twice).validate(LIMITS)).toEqual([
    'region us is entered by us/1/c/0 and us/2/d/0',
  ]);
  const wide = [0, 1, 2, 3, 4].map((core) => edge('eu/1/a/0', `eu/1/a/${core + 1}`));
  expect(new RelayTree(at('eu/1/a/0'), wide).validate(LIMITS)).toEqual(['eu/1/a/0 feeds 5']);
  const back = [edge('eu/1/a/0', 'eu/1/b/0'), edge('eu/1/b/0', 'eu/1/a/1')];
  expect(new RelayTree(at('eu/1/a/0'), back).validate(LIMITS)).toEqual([
    'node eu-1-a is entered by eu/1/a/0 and eu/1/a/1',
  ]);
  const deep = { maxChildren: 4, maxDepth: 0 };
  expect(new RelayTree(at('eu/1/a/0'), [edge('eu/1/a/0', 'eu/1/a/1')]).validate(deep)).toEqual([
    'eu/1/a/1 is 1 deep',
  ]);
});

/** The cluster as the planner's plans make it: who joins, leaves and dies is up to fast-check. */
class Model {
  readonly #parents = new Map<string, string>();
  readonly #orphans: string[] = [];

  constructor(
    readonly origin: string,
    private readonly limits: TreeLimits,
  ) {}

  get edges(): TreeEdge[] {
    return [...this.#parents].map(([child, parent]) => edge(parent, child));
  }

  get members(): string[] {
    return [this.origin, ...this.#parents.keys()];
  }

  join(router: string): void {
    if (this.members.includes(router)) return;
    const parent = planned(this.origin, this.edges, router, { limits: this.limits });
    expect(parent, `${router} finds a parent`).toBeDefined();
    this.#parents.set(router, parent!);
  }

  /** A router that feeds others keeps its copy for them. */
  leave(router: string): void {
    if ([...this.#parents.values()].includes(router)) return;
    this.#parents.delete(router);
  }

  die(isDead: (router: string) => boolean): void {
    if (isDead(this.origin)) return;
    for (const [child, parent] of [...this.#parents]) {
      if (isDead(child) || isDead(parent)) this.#parents.delete(child);
      if (!isDead(child) && isDead(parent)) this.#orphans.push(child);
    }
    for (const orphan of this.#orphans.splice(0)) this.join(orphan);
  }

  validate(): string[] {
    const tree = new RelayTree(at(this.origin), this.edges);
    const reached = [...tree.members()].length;
    const lost = this.members.length - reached;
    return [...tree.validate(this.limits), ...(lost > 0 ? [`${lost} are out of reach`] : [])];
  }
}

const aRouter = fc
  .tuple(fc.nat(2), fc.nat(2), fc.nat(3), fc.nat(3))
  .map(([region, zone, node, core]) => `r${region}/z${zone}/n${node}/${core}`);
const aStep = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('join' as const), router: aRouter }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('leave' as const), router: aRouter }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('node dies' as const), router: aRouter }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('core dies' as const), router: aRouter }) },
);

test('every tree stays valid through any joins, leaves and deaths', () => {
  let steps = 0;
  fc.assert(
    fc.property(
      aRouter,
      fc.array(aStep, { minLength: 20, maxLength: 200, size: 'max' }),
      fc.integer({ min: 4, max: 6 }),
      (origin, plan, maxChildren) => {
        const model = new Model(origin, { maxChildren, maxDepth: 40 });
        for (const { type, router } of plan) {
          steps += 1;
          if (type === 'join') model.join(router);
          else if (type === 'leave') model.leave(router);
          else if (type === 'core dies') model.die((other) => other === router);
          else model.die((other) => levelOf(at(other).place, at(router).place) === 0);
          expect(model.validate()).toEqual([]);
        }
      },
    ),
    { numRuns: 100 },
  );
  expect(steps).toBeGreaterThan(2_000);
});

test('a large audience makes a deeper tree, not a wider one', () => {
  const model = new Model('r0/z0/n0/0', { maxChildren: 4, maxDepth: 8 });
  for (let node = 0; node < 60; node += 1) model.join(`r0/z0/n${node}/1`);
  expect(model.validate()).toEqual([]);
});

test('a tree that is changed edge by edge equals one made of the same edges', () => {
  const anEdge = fc.tuple(aRouter, aRouter);
  fc.assert(
    fc.property(
      aRouter,
      fc.array(fc.tuple(fc.boolean(), anEdge), { maxLength: 150, size: 'max' }),
      (origin, changes) => {
        const tree = new RelayTree(at(origin), []);
        const edges = new Map<string, TreeEdge>();
        for (const [connected, [parent, child]] of changes) {
          edges.delete(child);
          if (connected) {
            edges.set(child, edge(parent, child));
            tree.connect(edge(parent, child));
          } else {
            tree.disconnect(child);
          }
          expect(shapeOf(tree)).toEqual(shapeOf(new RelayTree(at(origin), [...edges.values()])));
        }
      },
    ),
    { numRuns: 100 },
  );
});

/** All that can be told of a tree but the order in which it was made. */
function shapeOf(tree: RelayTree): unknown {
  const members = [...tree.members()].map(({ router, parent, children, fedOn, depth }) => ({
    id: router.routerId,
    parent: parent?.router.routerId,
    children: [...children].map((child) => child.router.routerId).sort(),
    fedOn,
    depth,
    height: tree.height(router.routerId),
  }));
  const crowds = tree
    .crowds()
    .map(({ group, entries }) => [group, ...entries.map(({ router }) => router.routerId).sort()]);
  const near = [0, 1, 2, 3].map((level) =>
    [...tree.within(level as 0 | 1 | 2 | 3, at('r0/z0/n0/0').place)]
      .map(({ router }) => router.routerId)
      .sort(),
  );
  return {
    members: members.sort((a, b) => (a.id < b.id ? -1 : 1)),
    crowds: crowds.sort((a, b) => (a.join() < b.join() ? -1 : 1)),
    near,
  };
}
