import type { StreamName } from '@sluice/core';
import { seededRandom } from '@sluice/testing';
import { SimulatedCluster } from '../simulation/simulated-cluster.js';

const STREAMS = 100_000;
const LOOKUPS = 100_000;

/** CPU that the directory itself needs for one look-up, among a hundred thousand streams of a cluster. */
export async function lookupMicroseconds(): Promise<number> {
  const random = seededRandom(1);
  const cluster = new SimulatedCluster(random);
  const names = Array.from({ length: STREAMS }, (_, index): StreamName => {
    return { room: `room-${index >> 2}`, participant: `person-${index}`, purpose: 'm.usermedia' };
  });
  for (const [index, name] of names.entries()) {
    const node = cluster.nodes[index % cluster.nodes.length]!;
    await cluster.publish(name, { node, router: node.routers[0]! });
  }
  const wanted = Array.from({ length: LOOKUPS }, () => names[Math.floor(random() * STREAMS)]!);
  const before = process.cpuUsage();
  for (const name of wanted) await cluster.find(name);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / LOOKUPS;
}
