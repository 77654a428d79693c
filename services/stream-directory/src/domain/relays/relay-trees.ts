import type { RouterRef } from '@sluice/proto-gen/common';
import { parseStreamKey, streamKey, type Clock, type StreamKey } from '@sluice/core';
import type { ClusterView } from '../cluster/cluster-view.js';
import type { Relay } from '../cluster/facts.js';
import { RelayTree, type PlacedRouter, type TreeEdge } from './relay-tree.js';
import type { FoundStream } from '../streams/stream-registry.js';

interface Pending {
  readonly relay: Relay;
  readonly untilMs: number;
}

interface Kept {
  readonly tree: RelayTree;
  readonly epoch: number;
}

/** A planned relay that was never heard to open frees its place after this time. */
const PENDING_MAX_MS = 5_000;
/** Trees that are kept up to date fact by fact; any other is made when it is asked for. */
const KEPT_MAX = 1_000;

/** The relay trees of all streams: relays that are open, and those planned until they open. */
export class RelayTrees {
  /** By stream, then by the router that pulls, the oldest first. */
  readonly #pending = new Map<StreamKey, Map<string, Pending>>();
  /** The last one used last. */
  readonly #kept = new Map<StreamKey, Kept>();

  constructor(
    private readonly view: ClusterView,
    private readonly clock: Clock,
  ) {}

  /** To be read only, and only until something else is heard or planned. */
  treeOf({ name, epoch, origin }: FoundStream): RelayTree {
    const key = streamKey(name);
    this.#expire(key);
    const kept = this.#kept.get(key);
    this.#kept.delete(key);
    const current = kept?.epoch === epoch && isSame(kept.tree.origin.router, origin);
    const tree = current ? kept.tree : new RelayTree(this.placed(origin), this.#edges(key, epoch));
    this.#kept.set(key, { tree, epoch });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT_MAX && oldest !== undefined) this.#kept.delete(oldest);
    return tree;
  }

  /** Counts a planned relay as part of its tree until it opens, or does not in time. */
  remember(relay: Relay): void {
    const key = streamKey(relay.stream);
    const planned = this.#pending.get(key) ?? new Map<string, Pending>();
    this.#pending.set(key, planned);
    planned.delete(relay.to.routerId);
    if (!this.#isOpen(key, relay)) {
      planned.set(relay.to.routerId, { relay, untilMs: this.clock.nowMs() + PENDING_MAX_MS });
    }
    this.changed(relay);
  }

  /** A relay opened or closed: what was planned has come to pass. */
  settle(relay: Relay): void {
    const planned = this.#pending.get(streamKey(relay.stream));
    if (planned?.get(relay.to.routerId)?.relay.from.routerId === relay.from.routerId) {
      planned.delete(relay.to.routerId);
    }
    this.changed(relay);
  }

  isPlanned({ stream, to }: Relay): boolean {
    return this.#pending.get(streamKey(stream))?.has(to.routerId) ?? false;
  }

  /** What is known of one relay changed; without one, anything may have. */
  changed(relay: Relay | undefined): void {
    if (!relay) {
      this.#kept.clear();
      return;
    }
    const key = streamKey(relay.stream);
    const kept = this.#kept.get(key);
    if (!kept) return;
    const edge = this.#edgeTo(key, kept.epoch, relay);
    if (edge) kept.tree.connect(edge);
    else kept.tree.disconnect(relay.to.routerId);
  }

  /** A boot of that node is over: what it fed, and what fed it, is looked at again. */
  lose(nodeId: string): void {
    for (const [key, { tree, epoch }] of this.#kept) {
      if (tree.origin.place.nodeId === nodeId) {
        this.#kept.delete(key);
        continue;
      }
      const stream = parseStreamKey(key);
      if (!stream) continue;
      for (const { parent, child } of tree.edgesAt(nodeId)) {
        this.changed({ stream, epoch, from: parent.router, to: child.router });
      }
    }
  }

  /** Forgets plans that were never carried out. */
  sweep(): void {
    for (const key of this.#pending.keys()) this.#expire(key);
  }

  /** A node that no heartbeat has told of yet is taken for one far away. */
  placed(router: RouterRef): PlacedRouter {
    const { nodeId, bootId } = router;
    const heartbeat = this.view.find(nodeId, bootId)?.heartbeat;
    return {
      router,
      place: { region: heartbeat?.region ?? '', zone: heartbeat?.zone ?? '', nodeId },
    };
  }

  #expire(key: StreamKey): void {
    const planned = this.#pending.get(key);
    if (!planned) return;
    const nowMs = this.clock.nowMs();
    for (const [routerId, { relay, untilMs }] of planned) {
      if (untilMs > nowMs) break;
      planned.delete(routerId);
      this.changed(relay);
    }
    if (planned.size === 0) this.#pending.delete(key);
  }

  /** Open relays first: a plan for the same router is newer and so holds. */
  #edges(key: StreamKey, epoch: number): TreeEdge[] {
    const open = this.view.relays(key).filter((relay) => relay.epoch === epoch);
    const planned = this.#pending.get(key);
    for (const { from, to } of open) {
      if (planned?.get(to.routerId)?.relay.from.routerId === from.routerId) {
        planned.delete(to.routerId);
      }
    }
    const current = [...(planned?.values() ?? [])]
      .map(({ relay }) => relay)
      .filter((relay) => relay.epoch === epoch && this.#isPossible(relay));
    return [...open, ...current].map((relay) => this.#edgeOf(relay));
  }

  /** The edge that a stream has, or is about to have, to the router that `about` leads to. */
  #edgeTo(key: StreamKey, epoch: number, about: Relay): TreeEdge | undefined {
    const planned = this.#pending.get(key)?.get(about.to.routerId)?.relay;
    if (planned?.epoch === epoch && this.#isPossible(planned)) return this.#edgeOf(planned);
    const open = this.view.relaysTo(key, about).filter((relay) => relay.epoch === epoch);
    const last = open.at(-1);
    return last && this.#edgeOf(last);
  }

  #isOpen(key: StreamKey, relay: Relay): boolean {
    const open = this.view.relaysTo(key, relay);
    return open.some(
      ({ epoch, from }) => epoch === relay.epoch && from.routerId === relay.from.routerId,
    );
  }

  #edgeOf({ from, to }: Relay): TreeEdge {
    return { parent: this.placed(from), child: this.placed(to) };
  }

  #isPossible({ from, to }: Relay): boolean {
    return (
      !this.view.hasEnded(from.nodeId, from.bootId) && !this.view.hasEnded(to.nodeId, to.bootId)
    );
  }
}

function isSame(a: RouterRef, b: RouterRef): boolean {
  return a.routerId === b.routerId && a.bootId === b.bootId;
}
