import type { RouterRef } from '@sluice/proto-gen/common';
import type { RelayTicket } from '@sluice/tokens';
import { SluiceError, describeStream, streamKey, type Clock, type StreamName } from '@sluice/core';
import type { ClusterView } from '../cluster/cluster-view.js';
import type { Relay } from '../cluster/facts.js';
import { planRelay } from './relay-plan.js';
import { RelayMender } from './relay-mender.js';
import type { TreeLimits } from './relay-tree.js';
import { RelayTrees } from './relay-trees.js';
import type { StreamRegistry } from '../streams/stream-registry.js';

export interface RelayRequest {
  readonly stream: StreamName;
  readonly to: RouterRef;
  readonly excludeRouterIds: readonly string[];
}

export interface PlannedRelay {
  readonly parent: RouterRef;
  readonly epoch: number;
  readonly depth: number;
  readonly ticket: string;
  readonly sameNode: boolean;
}

/** What a plan leads to outside. */
export interface PlanEffects {
  readonly sign: (ticket: RelayTicket) => string;
  /** Tells the other replicas. */
  readonly announce: (relay: Relay) => void;
  /** Asks the node that pulls a relay to plan it again; it may get lost. */
  readonly replan: (relay: Relay) => void;
}

/** Plans relays by what is known of a stream's tree. */
export class RelayPlanner {
  readonly #trees: RelayTrees;
  readonly #mender: RelayMender;

  constructor(
    private readonly registry: StreamRegistry,
    view: ClusterView,
    clock: Clock,
    private readonly limits: TreeLimits,
    private readonly effects: PlanEffects,
  ) {
    this.#trees = new RelayTrees(view, clock);
    this.#mender = new RelayMender(registry, this.#trees, clock, effects.replan);
  }

  /**
   * @throws {SluiceError} NOT_FOUND, INVALID_STATE when the stream is there already, UNAVAILABLE when
   * all that could feed it just failed, CAPACITY_EXHAUSTED when the tree is full.
   */
  async plan({ stream, to, excludeRouterIds }: RelayRequest): Promise<PlannedRelay> {
    const found = await this.registry.find(stream);
    if (found.origin.routerId === to.routerId) {
      throw new SluiceError('INVALID_STATE', 'the stream has its origin on that router');
    }
    const plan = planRelay(
      { tree: this.#trees.treeOf(found), limits: this.limits },
      { to: this.#trees.placed(to), excludeRouterIds },
    );
    if (!plan) throw nobody(stream, excludeRouterIds);
    const parent = plan.parent.router;
    const relay = { stream, epoch: found.epoch, from: parent, to };
    this.remember(relay);
    this.effects.announce(relay);
    return {
      parent,
      epoch: found.epoch,
      depth: plan.depth,
      sameNode: parent.nodeId === to.nodeId && parent.bootId === to.bootId,
      ticket: this.effects.sign({
        streamKey: streamKey(stream),
        epoch: found.epoch,
        parentRouterId: parent.routerId,
        pullerNodeId: to.nodeId,
        pullerBootId: to.bootId,
        pullerRouterId: to.routerId,
      }),
    };
  }

  /** A relay opened or closed: what was planned has come to pass. */
  settle(relay: Relay): void {
    this.#trees.settle(relay);
    this.#mender.watch(relay.stream);
  }

  /** What is known of one relay changed; without one, anything may have. */
  changed(relay: Relay | undefined): void {
    this.#trees.changed(relay);
  }

  /** A boot of that node is over. */
  lose(nodeId: string): void {
    this.#trees.lose(nodeId);
  }

  /** Counts a planned relay as part of its tree until it opens, or does not in time. */
  remember(relay: Relay): void {
    this.#trees.remember(relay);
    this.#mender.watch(relay.stream);
  }

  /** Forgets plans that were never carried out, and mends what two replicas planned at once. */
  sweep(): void {
    this.#trees.sweep();
    this.#mender.mend();
  }
}

function nobody(stream: StreamName, excludeRouterIds: readonly string[]): SluiceError {
  const described = describeStream(stream);
  return excludeRouterIds.length > 0
    ? new SluiceError('UNAVAILABLE', `nobody else can feed stream ${described} now`)
    : new SluiceError('CAPACITY_EXHAUSTED', `no router has room to feed stream ${described}`);
}
