import fc from 'fast-check';
import { expect, test } from 'vitest';
import { streamKey } from '@sluice/core';
import { FakeClock } from '@sluice/testing';
import { CAMERA, aHeartbeat, aRouter, aTruth } from '../../testing/a-cluster.js';
import { ClusterView } from '../cluster/cluster-view.js';
import type { Relay } from '../cluster/facts.js';
import { RelayTrees } from './relay-trees.js';

const NODES = ['a', 'b', 'c', 'd'];
const EPOCH = 3;

const aRelay = fc
  .tuple(fc.constantFrom(...NODES), fc.nat(2), fc.constantFrom(...NODES), fc.nat(2))
  .filter(([from, fromCore, to, toCore]) => from !== to || fromCore !== toCore)
  .map(([from, fromCore, to, toCore]): Relay => ({
    stream: CAMERA,
    epoch: EPOCH,
    from: aRouter(from, fromCore),
    to: aRouter(to, toCore),
  }));
const aStep = fc.record({
  type: fc.constantFrom(
    ...['opened', 'opened', 'opened', 'closed', 'planned', 'planned', 'time', 'lost', 'read'],
  ),
  node: fc.constantFrom(...NODES),
  relay: aRelay,
});

/** Kept up to date by facts, plans, losses and time; a second one is made anew each time. */
class Scene {
  readonly clock = new FakeClock();
  readonly #revisions = new Map<string, number>();
  readonly view: ClusterView;
  readonly kept: RelayTrees;
  #plans: { readonly relay: Relay; readonly atMs: number }[] = [];

  constructor() {
    this.view = new ClusterView(this.clock, {
      onRelay: (relay) => this.kept.changed(relay),
      onEnded: ({ nodeId }) => this.kept.lose(nodeId),
    });
    this.kept = new RelayTrees(this.view, this.clock);
    for (const nodeId of NODES) this.view.hearHeartbeat(aHeartbeat(nodeId));
  }

  /** Of the two nodes of a relay, either tells of it. */
  tell(nodeId: string, type: 'relay kept' | 'relay closed', relay: Relay): void {
    if (nodeId !== relay.from.nodeId && nodeId !== relay.to.nodeId) return;
    const revision = (this.#revisions.get(nodeId) ?? 0) + 1;
    this.#revisions.set(nodeId, revision);
    const bootId = `boot-of-${nodeId}`;
    this.view.hearFact({ nodeId, bootId, revision, change: { type, relay } });
    this.#plans = this.#plans.filter(
      ({ relay: { from, to } }) =>
        from.routerId !== relay.from.routerId || to.routerId !== relay.to.routerId,
    );
    this.kept.settle(relay);
  }

  plan(relay: Relay): void {
    this.#plans = this.#plans.filter(({ relay: { to } }) => to.routerId !== relay.to.routerId);
    // What is open already needs no plan.
    const open = this.view.relaysTo(streamKey(CAMERA), relay);
    if (!open.some(({ from }) => from.routerId === relay.from.routerId)) {
      this.#plans.push({ relay, atMs: this.clock.nowMs() });
    }
    this.kept.remember(relay);
  }

  lose(nodeId: string): void {
    const node = this.view.find(nodeId, `boot-of-${nodeId}`);
    if (node) this.view.lose(node);
  }

  /** Its truth, with nothing in it. */
  read(nodeId: string): void {
    const revision = (this.#revisions.get(nodeId) ?? 0) + 1;
    this.#revisions.set(nodeId, revision);
    this.view.hearTruth(aTruth(nodeId, { revision }));
  }

  shape(trees: RelayTrees): string[] {
    const found = { name: CAMERA, origin: aRouter('a'), epoch: EPOCH, sessionId: 's' };
    return [...trees.treeOf(found).members()]
      .map(({ router, parent }) => `${router.routerId} from ${parent?.router.routerId ?? 'nobody'}`)
      .sort();
  }

  anew(): RelayTrees {
    const trees = new RelayTrees(this.view, this.clock);
    const nowMs = this.clock.nowMs();
    for (const { relay, atMs } of this.#plans) if (nowMs - atMs < 5_000) trees.remember(relay);
    return trees;
  }
}

test('trees kept up to date equal trees made anew, whatever happens', () => {
  let kept = 0;
  fc.assert(
    fc.property(fc.array(aStep, { maxLength: 80, size: 'max' }), (steps) => {
      const scene = new Scene();
      for (const { type, node, relay } of steps) {
        if (type === 'opened') scene.tell(relay.to.nodeId, 'relay kept', relay);
        else if (type === 'closed') scene.tell(relay.to.nodeId, 'relay closed', relay);
        else if (type === 'planned') scene.plan(relay);
        else if (type === 'time') scene.clock.elapse(2_000);
        else if (type === 'lost' && node !== 'a') scene.lose(node);
        else if (type === 'read') scene.read(node);
        const shape = scene.shape(scene.kept);
        kept = Math.max(kept, shape.length);
        expect(shape).toEqual(scene.shape(scene.anew()));
      }
    }),
    { numRuns: 300 },
  );
  expect(kept).toBeGreaterThan(3);
});

test('a relay that both of its nodes told of is there until both took it back', () => {
  const scene = new Scene();
  const relay = { stream: CAMERA, epoch: EPOCH, from: aRouter('a'), to: aRouter('b') };
  expect(scene.shape(scene.kept)).toHaveLength(1);
  scene.tell('a', 'relay kept', relay);
  scene.tell('b', 'relay kept', relay);
  scene.tell('b', 'relay closed', relay);
  expect(scene.shape(scene.kept)).toHaveLength(2);
  scene.tell('a', 'relay closed', relay);
  expect(scene.shape(scene.kept)).toHaveLength(1);
  expect(scene.view.relays(streamKey(CAMERA))).toEqual([]);
});
