import type { RouterRef } from '@sluice/proto-gen/common';
import type { Random, StreamName } from '@sluice/core';
import { FakeClock } from '@sluice/testing';
import { relayTickets } from '@sluice/tokens';
import { Directory } from '@sluice/stream-directory/dist/domain/directory.js';
import type { Change, Relay } from '@sluice/stream-directory/dist/domain/cluster/facts.js';
import { RelayTrees } from '@sluice/stream-directory/dist/domain/relays/relay-trees.js';
import type { RelayTree } from '@sluice/stream-directory/dist/domain/relays/relay-tree.js';
import { MemoryStreamRecords } from '@sluice/stream-directory/dist/testing/memory-stream-records.js';

export const TOPOLOGY = { regions: 10, zonesPerRegion: 4, nodesPerZone: 25, coresPerNode: 8 };
/** As the directory is configured by default. */
export const LIMITS = { maxChildren: 16, maxDepth: 8 };

const NOBODY = { outcome: 'refused' } as const;
/** Long enough for a replica to take what it has heard for all there is. */
const HEARD_ALL_MS = 1_300;

export interface SimulatedNode {
  readonly nodeId: string;
  readonly region: string;
  readonly zone: string;
  readonly routers: readonly RouterRef[];
}

/** One real replica of the directory, which hears what a thousand nodes would tell it. */
export class SimulatedCluster {
  readonly nodes: readonly SimulatedNode[] = makeNodes();
  readonly #clock = new FakeClock();
  readonly #directory: Directory;
  readonly #revisions = new Map<string, number>();
  readonly #tickets = relayTickets('a secret of the cluster, long enough for it');
  /** How long each plan took, looking up the stream and signing the ticket included. */
  planTimesMs: number[] = [];

  constructor(random: Random) {
    const nothing = () => undefined;
    const rules = {
      placement: { policy: 'balanced', roomRegions: [], nodeLoadMax: 0.85, silentMs: 2_500 },
      relays: LIMITS,
      lostMs: 5_000,
      stalledMs: 15_000,
    } as const;
    const surroundings = {
      records: new MemoryStreamRecords(),
      nodes: { readTruth: () => Promise.resolve(NOBODY) },
      beacons: { anyAnswers: () => Promise.resolve(false) },
      hearing: { connected: true, catchUp: () => Promise.resolve(true) },
      clock: this.#clock,
      random,
      sign: this.#tickets.seal.bind(this.#tickets),
      announce: nothing,
      announceLost: nothing,
      replan: nothing,
      doubt: nothing,
    };
    const events = { onEnded: nothing, onRejected: nothing, onRepair: nothing };
    this.#directory = new Directory(surroundings, rules, events);
    this.#clock.elapse(HEARD_ALL_MS);
    for (const node of this.nodes) this.#beat(node);
  }

  async publish(name: StreamName, { router, node }: Home): Promise<number> {
    const sessionId = 's';
    const claim = { name, origin: router, sessionId, highestEpoch: 0 };
    const epoch = await this.#directory.registry.claim(claim);
    const { routerId } = router;
    const stream = { name, epoch, sessionId, routerId, tracks: [] };
    this.#tell(node.nodeId, { type: 'stream kept', stream });
    return epoch;
  }

  /** As the directory answers it. */
  async find(name: StreamName): Promise<RouterRef> {
    return (await this.#directory.registry.find(name)).origin;
  }

  /** Plans a relay and opens it, as both of its nodes then tell. */
  async pull(stream: StreamName, to: RouterRef): Promise<Relay> {
    const startedMs = performance.now();
    const request = { stream, to, excludeRouterIds: [] };
    const { parent, epoch } = await this.#directory.planner.plan(request);
    this.planTimesMs.push(performance.now() - startedMs);
    const relay = { stream, epoch, from: parent, to };
    this.#tell(to.nodeId, { type: 'relay kept', relay });
    this.#tell(parent.nodeId, { type: 'relay kept', relay });
    return relay;
  }

  close(relay: Relay): void {
    this.#tell(relay.to.nodeId, { type: 'relay closed', relay });
    this.#tell(relay.from.nodeId, { type: 'relay closed', relay });
  }

  /** The node and all that it has is gone. */
  lose({ nodeId, routers }: SimulatedNode): void {
    const { view } = this.#directory;
    const node = view.find(nodeId, routers[0]!.bootId);
    if (node) view.lose(node);
  }

  /** The tree as the planner sees it, made anew from what the nodes told. */
  async treeOf(name: StreamName): Promise<RelayTree> {
    const found = await this.#directory.registry.find(name);
    return new RelayTrees(this.#directory.view, this.#clock).treeOf(found);
  }

  #beat({ nodeId, region, zone, routers }: SimulatedNode): void {
    const { bootId, grpcAddress } = routers[0]!;
    this.#directory.hearHeartbeat({
      nodeId,
      bootId,
      region,
      zone,
      grpcAddress,
      state: 'serving',
      load: 0.1,
      routers: routers.map(({ routerId }) => ({ routerId, load: 0.1, sessions: 0 })),
      beacons: [],
      sessions: 0,
      revision: 0,
      highestEpoch: 0,
      drainRemainingMs: undefined,
    });
  }

  #tell(nodeId: string, change: Change): void {
    const revision = (this.#revisions.get(nodeId) ?? 0) + 1;
    this.#revisions.set(nodeId, revision);
    this.#directory.hearFact({ nodeId, bootId: `boot-${nodeId}`, revision, change });
  }
}

export interface Home {
  readonly node: SimulatedNode;
  readonly router: RouterRef;
}

function makeNodes(): SimulatedNode[] {
  const { regions, zonesPerRegion, nodesPerZone, coresPerNode } = TOPOLOGY;
  const nodes: SimulatedNode[] = [];
  for (let region = 0; region < regions; region += 1) {
    for (let zone = 0; zone < zonesPerRegion; zone += 1) {
      for (let node = 0; node < nodesPerZone; node += 1) {
        const nodeId = `node-${region}-${zone}-${node}`;
        const routers = Array.from({ length: coresPerNode }, (_, core) => ({
          nodeId,
          bootId: `boot-${nodeId}`,
          routerId: `${nodeId}-${core}`,
          grpcAddress: `${nodeId}:7000`,
        }));
        nodes.push({ nodeId, region: `region-${region}`, zone: `zone-${zone}`, routers });
      }
    }
  }
  return nodes;
}
