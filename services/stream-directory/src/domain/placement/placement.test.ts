import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  selectRouter,
  type PlaceableNode,
  type PlaceableRouter,
  type PlacementLimits,
  type Wish,
} from './placement.js';

const LIMITS: PlacementLimits = { nodeLoadMax: 0.8, silentMs: 2_500 };

const aRouter = (routerId: string, over: Partial<PlaceableRouter> = {}): PlaceableRouter => ({
  routerId,
  load: 0.1,
  reportedLoad: over.load ?? 0.1,
  hasRoom: false,
  ...over,
});
const aNode = (nodeId: string, over: Partial<PlaceableNode> = {}): PlaceableNode => ({
  nodeId,
  region: 'eu',
  zone: '1',
  state: 'serving',
  load: 0.1,
  reportedLoad: over.load ?? 0.1,
  silenceMs: 100,
  stalled: false,
  routers: [aRouter(`${nodeId}-0`)],
  ...over,
});
const aWish = (over: Partial<Wish> = {}): Wish => ({
  region: '',
  zone: '',
  excludeNodeIds: [],
  allowedRegions: 'any',
  policy: 'balanced',
  ...over,
});

/** All that random choices can lead to. */
function choices(nodes: readonly PlaceableNode[], wish: Wish = aWish()): string[] {
  const chosen = new Set<string>();
  const grid = Array.from({ length: 10 }, (_, index) => index / 10);
  for (const first of grid) {
    for (const second of grid) {
      const draws = [first, second];
      const { choice } = selectRouter(nodes, wish, LIMITS, () => draws.shift() ?? 0);
      chosen.add(choice?.routerId ?? 'none');
    }
  }
  return [...chosen].sort();
}

describe('hard limits', () => {
  test('say for each node why it cannot be chosen', () => {
    const nodes = [
      aNode('draining', { state: 'draining' }),
      aNode('silent', { silenceMs: 2_501 }),
      aNode('stalled', { stalled: true }),
      aNode('region', { region: 'us' }),
      aNode('full', { load: 0.8 }),
      aNode('cores-full', { routers: [aRouter('r', { load: 1 })] }),
      aNode('bare', { routers: [] }),
      aNode('excluded'),
    ];
    const wish = aWish({ excludeNodeIds: ['excluded'], allowedRegions: new Set(['eu']) });
    const { choice, rejected } = selectRouter(nodes, wish, LIMITS, () => 0);
    expect(choice).toBeUndefined();
    expect(Object.fromEntries(rejected)).toEqual({
      draining: 'draining',
      silent: 'silent',
      stalled: 'stalled',
      region: 'region',
      full: 'full',
      'cores-full': 'full',
      bare: 'no router',
      excluded: 'excluded',
    });
  });

  test('hold against every preference', () => {
    const near = aNode('near', {
      region: 'us',
      load: 0.9,
      routers: [aRouter('near-0', { hasRoom: true })],
    });
    expect(choices([near, aNode('far')], aWish({ region: 'us' }))).toEqual(['far-0']);
  });

  test('are not reached by promises to a node that reports little', () => {
    const router = aRouter('a-0', { load: 3, reportedLoad: 0.2 });
    const promised = aNode('a', { load: 3, reportedLoad: 0.2, routers: [router] });
    expect(choices([promised])).toEqual(['a-0']);
    expect(choices([promised, aNode('b', { load: 0.5 })])).toEqual(['b-0']);
    expect(choices([aNode('a', { load: 0.9, reportedLoad: 0.5 })])).toEqual(['none']);
  });

  test('a full core of a node that has room elsewhere is not chosen', () => {
    const routers = [aRouter('a-0', { load: 1, hasRoom: true }), aRouter('a-1')];
    expect(choices([aNode('a', { routers })])).toEqual(['a-1']);
  });
});

describe('preferences', () => {
  test('region before zone before room before load', () => {
    const nodes = [
      aNode('elsewhere', { region: 'us', load: 0, routers: [aRouter('elsewhere-0', { load: 0 })] }),
      aNode('zone-2', { zone: '2', routers: [aRouter('zone-2-0', { hasRoom: true })] }),
      aNode('plain'),
      aNode('room', { routers: [aRouter('room-0', { hasRoom: true, load: 0.5 })] }),
    ];
    expect(choices(nodes, aWish({ region: 'eu', zone: '1' }))).toEqual(['room-0']);
    expect(choices(nodes.slice(0, 3), aWish({ region: 'eu', zone: '1' }))).toEqual(['plain-0']);
    expect(choices(nodes, aWish({ region: 'eu', zone: '2' }))).toEqual(['zone-2-0']);
    expect(choices(nodes, aWish({ region: 'us', zone: '9' }))).toEqual(['elsewhere-0']);
  });

  test('the same zone name in another region is another zone', () => {
    const nodes = [aNode('a', { region: 'us', zone: '1' }), aNode('b', { zone: '2' })];
    expect(choices(nodes, aWish({ region: 'eu', zone: '1' }))).toEqual(['b-0']);
  });

  test('an unknown region rules nobody out', () => {
    expect(choices([aNode('a'), aNode('b', { region: 'us' })])).toEqual(['a-0', 'b-0']);
  });

  test('a busy router that has the room is not preferred', () => {
    const busy = aNode('busy', { routers: [aRouter('busy-0', { hasRoom: true, load: 0.7 })] });
    expect(choices([busy, aNode('calm')])).toEqual(['calm-0']);
  });

  test('of two equals either may be chosen, of two unequals the less loaded', () => {
    expect(choices([aNode('a'), aNode('b')])).toEqual(['a-0', 'b-0']);
    const loaded = aNode('b', { routers: [aRouter('b-0', { load: 0.5 })] });
    expect(choices([aNode('a'), loaded])).toEqual(['a-0']);
  });

  test('one of four nodes that is the least loaded is always found, on its least loaded core', () => {
    const nodes = ['a', 'b', 'c', 'd'].map((name) => aNode(name, { load: name === 'c' ? 0 : 0.1 }));
    const routers = [aRouter('c-0', { load: 0.05 }), aRouter('c-1', { load: 0.02 })];
    expect(choices(nodes.with(2, aNode('c', { load: 0, routers })))).toEqual(['c-1']);
  });
});

describe('spread', () => {
  const nodes = [aNode('b'), aNode('c', { state: 'draining' }), aNode('a'), aNode('d')];
  const after = (spreadAfter: string | undefined) =>
    selectRouter(nodes, aWish({ policy: { spreadAfter } }), LIMITS, () => 0).choice?.nodeId;

  test('takes the eligible nodes in turn', () => {
    expect([undefined, 'a', 'b', 'c', 'd', 'gone'].map(after)).toEqual([
      'a',
      'b',
      'd',
      'd',
      'a',
      'a',
    ]);
  });

  test('takes the least loaded core of the node', () => {
    const routers = [aRouter('a-0', { load: 0.3 }), aRouter('a-1', { load: 0.2 })];
    const wish = aWish({ policy: { spreadAfter: undefined } });
    const { choice } = selectRouter([aNode('a', { routers })], wish, LIMITS, () => 0);
    expect(choice?.routerId).toBe('a-1');
  });
});

test('whatever the cluster looks like, a choice is eligible, and there is one if any node is', () => {
  const aLoad = fc.double({ min: 0, max: 1, noNaN: true });
  const withLoad = <T extends { reportedLoad: number; promisedLoad: number }>(place: T) => ({
    ...place,
    load: place.reportedLoad + place.promisedLoad,
  });
  const anyNode = fc.record({
    region: fc.constantFrom('eu', 'us'),
    zone: fc.constantFrom('1', '2'),
    state: fc.constantFrom('serving' as const, 'draining' as const),
    reportedLoad: aLoad,
    promisedLoad: aLoad,
    silenceMs: fc.nat(4_000),
    stalled: fc.boolean(),
    cores: fc.array(
      fc.record({ reportedLoad: aLoad, promisedLoad: aLoad, hasRoom: fc.boolean() }),
      { maxLength: 3 },
    ),
  });
  const anyWish = fc.record({
    region: fc.constantFrom('', 'eu', 'as'),
    zone: fc.constantFrom('', '1'),
    excludeNodeIds: fc.subarray(['n0', 'n1']),
    allowedRegions: fc.constantFrom('any' as const, new Set(['eu'])),
    policy: fc.constantFrom('balanced' as const, { spreadAfter: 'n1' }),
  });
  const aRandom = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(
      fc.array(anyNode, { maxLength: 6 }),
      anyWish,
      fc.infiniteStream(aRandom),
      (drawn, wish, randoms) => {
        const nodes = drawn.map(({ cores, ...node }, index) => ({
          ...withLoad(node),
          nodeId: `n${index}`,
          routers: cores.map((core, number) => ({
            routerId: `n${index}-${number}`,
            ...withLoad(core),
          })),
        }));
        const random = (): number => (randoms.next() as IteratorResult<number, number>).value;
        const { choice, rejected } = selectRouter(nodes, wish, LIMITS, random);
        expect(choice === undefined).toBe(rejected.size === nodes.length);
        if (!choice) return;
        expect(rejected.has(choice.nodeId)).toBe(false);
        const router = nodes
          .find(({ nodeId }) => nodeId === choice.nodeId)
          ?.routers.find(({ routerId }) => routerId === choice.routerId);
        expect(router?.reportedLoad).toBeLessThan(1);
      },
    ),
  );
});
