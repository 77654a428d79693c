import type { Random } from '@sluice/core';
import type { Relay } from '@sluice/stream-directory/dist/domain/cluster/facts.js';
import { shapeOf, type TreeShape } from './tree-shape.js';
import { SimulatedCluster, type Home } from './simulated-cluster.js';

const STREAM = { room: 'the match', participant: 'stadium', purpose: 'm.usermedia' };
const NODES_THAT_DIE = 50;
const CHURN_STEPS = 20_000;

export interface AudienceResult {
  readonly viewers: number;
  readonly full: TreeShape;
  readonly joinPlansMs: readonly number[];
  readonly churnPlansMs: readonly number[];
  readonly afterChurn: TreeShape;
  readonly deaths: number;
  readonly deathPlansMs: readonly number[];
  readonly afterDeaths: TreeShape;
  readonly heapMiB: number;
}

/**
 * One stream and its audience: everybody arrives at a random core of the cluster; only the first on
 * each core needs a relay. Then cores lose and regain their last viewer, and then nodes die.
 */
export async function simulateAudience(viewers: number, random: Random): Promise<AudienceResult> {
  const cluster = new SimulatedCluster(random);
  const homes = cluster.nodes.flatMap((node) => node.routers.map((router) => ({ node, router })));
  const origin = homes[0]!;
  await cluster.publish(STREAM, origin);
  const relays = new Map<string, Relay>();
  const arrive = async ({ router }: Home) => {
    if (router === origin.router || relays.has(router.routerId)) return;
    relays.set(router.routerId, await cluster.pull(STREAM, router));
  };
  for (let viewer = 0; viewer < viewers; viewer += 1) {
    await arrive(homes[Math.floor(random() * homes.length)]!);
  }
  const joinPlansMs = takePlanTimes(cluster);
  const full = shapeOf(await cluster.treeOf(STREAM));
  await churn(cluster, homes, relays, arrive, random);
  const churnPlansMs = takePlanTimes(cluster);
  const afterChurn = shapeOf(await cluster.treeOf(STREAM));
  await killNodes(cluster, origin, relays, random);
  return {
    viewers,
    full,
    joinPlansMs,
    churnPlansMs,
    afterChurn,
    deaths: NODES_THAT_DIE,
    deathPlansMs: takePlanTimes(cluster),
    afterDeaths: shapeOf(await cluster.treeOf(STREAM)),
    heapMiB: Math.round(process.memoryUsage().heapUsed / 2 ** 20),
  };
}

/** A core whose last viewer leaves keeps its copy while it feeds others. */
async function churn(
  cluster: SimulatedCluster,
  homes: readonly Home[],
  relays: Map<string, Relay>,
  arrive: (home: Home) => Promise<void>,
  random: Random,
): Promise<void> {
  for (let step = 0; step < CHURN_STEPS; step += 1) {
    const home = homes[Math.floor(random() * homes.length)]!;
    const { routerId } = home.router;
    const relay = relays.get(routerId);
    if (!relay) {
      await arrive(home);
      continue;
    }
    // Asked seldom enough of a tree this large to look it up the simple way.
    if ([...relays.values()].some(({ from }) => from.routerId === routerId)) continue;
    relays.delete(routerId);
    cluster.close(relay);
  }
}

/** One after the other; who was fed by a dead node plans again at once. */
async function killNodes(
  cluster: SimulatedCluster,
  origin: Home,
  relays: Map<string, Relay>,
  random: Random,
): Promise<void> {
  const mortal = cluster.nodes.filter((node) => node !== origin.node);
  for (let death = 0; death < NODES_THAT_DIE; death += 1) {
    const [node] = mortal.splice(Math.floor(random() * mortal.length), 1);
    cluster.lose(node!);
    const orphans: Relay[] = [];
    for (const [routerId, relay] of relays) {
      if (relay.to.nodeId === node!.nodeId) relays.delete(routerId);
      else if (relay.from.nodeId === node!.nodeId) orphans.push(relay);
    }
    for (const orphan of orphans) {
      relays.set(orphan.to.routerId, await cluster.pull(STREAM, orphan.to));
      cluster.close(orphan);
    }
  }
}

function takePlanTimes(cluster: SimulatedCluster): number[] {
  const taken = cluster.planTimesMs;
  cluster.planTimesMs = [];
  return taken;
}
