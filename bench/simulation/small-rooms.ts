import type { Random } from '@sluice/core';
import { SimulatedCluster } from './simulated-cluster.js';
import { shapeOf, worstOf, type TreeShape } from './tree-shape.js';

/** Cores that want each room's stream, beside the one that has it. */
const PULLERS_MAX = 3;
/** Trees that are looked at afterwards. */
const SAMPLES = 2_000;

export interface SmallRoomsResult {
  readonly rooms: number;
  readonly relays: number;
  readonly plansMs: readonly number[];
  readonly worst: TreeShape;
  readonly samples: number;
  readonly heapMiB: number;
}

/** Many rooms with one stream each, wanted on one to three other cores, mostly of one region. */
export async function simulateSmallRooms(rooms: number, random: Random): Promise<SmallRoomsResult> {
  const cluster = new SimulatedCluster(random);
  const { nodes } = cluster;
  const byRegion = [...Map.groupBy(nodes, ({ region }) => region).values()];
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!;
  let relays = 0;
  for (let room = 0; room < rooms; room += 1) {
    const near = pick(byRegion);
    const node = pick(near);
    const origin = { node, router: pick(node.routers) };
    const name = nameOf(room);
    await cluster.publish(name, origin);
    const pullers = new Set([origin.router]);
    const wanted = 1 + Math.floor(random() * PULLERS_MAX);
    for (let puller = 0; puller < wanted; puller += 1) {
      const to = pick(pick(random() < 0.9 ? near : nodes).routers);
      if (pullers.has(to)) continue;
      pullers.add(to);
      await cluster.pull(name, to);
      relays += 1;
    }
  }
  const heapMiB = Math.round(process.memoryUsage().heapUsed / 2 ** 20);
  const shapes: TreeShape[] = [];
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    shapes.push(shapeOf(await cluster.treeOf(nameOf(Math.floor(random() * rooms)))));
  }
  const worst = worstOf(shapes);
  return { rooms, relays, plansMs: cluster.planTimesMs, worst, samples: SAMPLES, heapMiB };
}

function nameOf(room: number) {
  return { room: `room ${room}`, participant: 'host', purpose: 'm.usermedia' };
}
