import type { SessionRef } from '@sluice/proto-gen/common';
import type { Clock, StreamKey } from '@sluice/core';
import type { Fact, Heartbeat, NodeTruth, Relay, Stream } from './facts.js';
import { KnownNode, newNodeIndex, relayKey } from './known-node.js';

/** Boots of one node that are remembered as over; an older one is merely unknown again. */
const ENDED_BOOTS_MAX = 16;
/** Nodes whose ended boots are remembered. */
const ENDED_NODES_MAX = 10_000;

export interface StreamAt {
  readonly stream: Stream;
  readonly node: KnownNode;
}

export interface ViewEvents {
  /** Facts of a node were missed. */
  readonly onBehind?: (node: KnownNode) => void;
  /** A boot is over: the node was lost, or a newer boot of it came. */
  readonly onEnded?: (node: KnownNode) => void;
  /** A relay opened or closed; without one, any may have. */
  readonly onRelay?: (relay: Relay | undefined) => void;
  /** A boot that was taken for lost beats again. It stays out until `readmit`. */
  readonly onReturned?: (heartbeat: Heartbeat) => void;
}

export interface SessionAt {
  readonly session: SessionRef;
  readonly node: KnownNode;
}

/**
 * What is known of all media nodes. Everything in it came from the nodes themselves and can be had
 * from them again; a node's new boot replaces everything of its old one.
 */
export class ClusterView {
  readonly #nodes = new Map<string, KnownNode>();
  readonly #index = newNodeIndex();
  readonly #ended = new Map<string, Set<string>>();
  #highestEpoch = 0;

  constructor(
    private readonly clock: Clock,
    private readonly events: ViewEvents = {},
  ) {}

  /** The highest epoch that any message ever named, so that the next one is higher. */
  get highestEpoch(): number {
    return this.#highestEpoch;
  }

  seeEpoch(epoch: number): void {
    this.#highestEpoch = Math.max(this.#highestEpoch, epoch);
  }

  hearHeartbeat(heartbeat: Heartbeat): void {
    const { nodeId, bootId } = heartbeat;
    this.seeEpoch(heartbeat.highestEpoch);
    const known = this.#nodes.get(nodeId);
    if (known?.bootId === bootId) {
      known.hearHeartbeat(heartbeat, this.clock.nowMs());
      if (known.behind) this.events.onBehind?.(known);
      return;
    }
    if (this.hasEnded(nodeId, bootId)) {
      // Of two processes that call themselves the same, the older one is not listened to any more.
      if (!known) this.events.onReturned?.(heartbeat);
      return;
    }
    if (known) this.#end(known);
    const node = this.#add(heartbeat);
    if (node.behind) this.events.onBehind?.(node);
  }

  /** A fact of a boot that no heartbeat has told of yet is dropped: its first one will lead to a read. */
  hearFact(fact: Fact): void {
    const node = this.find(fact.nodeId, fact.bootId);
    if (!node) return;
    if (fact.change.type === 'stream kept') this.seeEpoch(fact.change.stream.epoch);
    node.hearFact(fact);
    if (node.behind) this.events.onBehind?.(node);
  }

  /** A node's own answer: replaces what facts had told, and is a sign of life. */
  hearTruth(truth: NodeTruth): void {
    const node = this.find(truth.nodeId, truth.bootId);
    if (!node) return;
    for (const stream of truth.streams) this.seeEpoch(stream.epoch);
    node.replace(truth);
    node.heardAtMs = this.clock.nowMs();
  }

  /** Time in which nothing could be heard must not count as silence. */
  forgive(durationMs: number): void {
    for (const node of this.#nodes.values()) node.heardAtMs += durationMs;
  }

  silenceMs(node: KnownNode): number {
    return Math.max(0, this.clock.nowMs() - node.heardAtMs);
  }

  /** The node is gone: its sessions, streams and relays vanish with it. */
  lose(node: KnownNode): void {
    if (this.#nodes.get(node.nodeId) !== node) return;
    this.#nodes.delete(node.nodeId);
    this.#end(node);
  }

  /** A boot that was taken for lost lives after all, and was told what it had been taken for. */
  readmit(heartbeat: Heartbeat, truth: NodeTruth): void {
    const { nodeId, bootId } = heartbeat;
    if (this.#nodes.has(nodeId) || truth.bootId !== bootId) return;
    this.#ended.get(nodeId)?.delete(bootId);
    this.#add(heartbeat);
    this.hearTruth(truth);
  }

  nodes(): Iterable<KnownNode> {
    return this.#nodes.values();
  }

  find(nodeId: string, bootId: string): KnownNode | undefined {
    const node = this.#nodes.get(nodeId);
    return node?.bootId === bootId ? node : undefined;
  }

  /** Whether a boot is known to be over. False also for one that was never heard of. */
  hasEnded(nodeId: string, bootId: string): boolean {
    return this.#ended.get(nodeId)?.has(bootId) ?? false;
  }

  /** The newest of all nodes' streams with that name: while an origin moves there are two. */
  findStream(key: StreamKey): StreamAt | undefined {
    let best: StreamAt | undefined;
    for (const node of this.#index.streams.of(key)) {
      const stream = node.findStream(key);
      if (stream && stream.epoch > (best?.stream.epoch ?? -1)) best = { stream, node };
    }
    return best;
  }

  *streams(room?: string): Generator<StreamAt> {
    for (const node of this.#nodesWith(room)) {
      const streams = room === undefined ? node.streams() : node.streamsOf(room);
      for (const stream of streams) yield { stream, node };
    }
  }

  *sessions(room?: string): Generator<SessionAt> {
    for (const node of this.#nodesWith(room)) {
      const sessions = room === undefined ? node.sessions() : node.sessionsOf(room);
      for (const session of sessions) yield { session, node };
    }
  }

  /** The sessions that a signaling connection has opened. */
  *sessionsOf(connectionId: string): Generator<SessionAt> {
    for (const node of this.#index.connections.of(connectionId)) {
      for (const session of node.sessions()) {
        if (session.connectionId === connectionId) yield { session, node };
      }
    }
  }

  /** Each relay once, whichever of its two nodes told of it. */
  relays(key?: StreamKey): Relay[] {
    const relays = new Map<string, Relay>();
    for (const node of this.#nodes.values()) {
      for (const relay of key === undefined ? node.relays() : node.relaysOf(key)) {
        if (!this.#bothEndsLive(relay)) continue;
        const { epoch, from, to } = relay;
        const id = key === undefined ? relayKey(relay) : `${epoch} ${from.routerId} ${to.routerId}`;
        relays.set(id, relay);
      }
    }
    return [...relays.values()];
  }

  /** Relays of a stream that lead to the same router as one that its nodes tell, or told, of. */
  relaysTo(key: StreamKey, about: Relay): Relay[] {
    const puller = this.find(about.to.nodeId, about.to.bootId);
    const relays = [...(puller?.relaysOf(key) ?? [])].filter(
      ({ to }) => to.routerId === about.to.routerId,
    );
    const feeder = this.find(about.from.nodeId, about.from.bootId);
    const all = feeder?.hasRelay(about) ? [about, ...relays] : relays;
    return all.filter((relay) => this.#bothEndsLive(relay));
  }

  #add(heartbeat: Heartbeat): KnownNode {
    const onRelay = (relay: Relay | undefined) => this.events.onRelay?.(relay);
    const node = new KnownNode(heartbeat, this.clock.nowMs(), onRelay, this.#index);
    this.#nodes.set(node.nodeId, node);
    // Relays told by others may lead to it.
    onRelay(undefined);
    return node;
  }

  #bothEndsLive({ from, to }: Relay): boolean {
    return !this.hasEnded(from.nodeId, from.bootId) && !this.hasEnded(to.nodeId, to.bootId);
  }

  #nodesWith(room: string | undefined): Iterable<KnownNode> {
    return room === undefined ? this.#nodes.values() : this.#index.rooms.of(room);
  }

  #end(node: KnownNode): void {
    node.end();
    const boots = this.#ended.get(node.nodeId) ?? new Set<string>();
    this.#ended.delete(node.nodeId);
    this.#ended.set(node.nodeId, boots.add(node.bootId));
    dropOldest(boots, ENDED_BOOTS_MAX);
    dropOldest(this.#ended, ENDED_NODES_MAX);
    this.events.onEnded?.(node);
  }
}

function dropOldest(kept: Set<string> | Map<string, unknown>, max: number): void {
  for (const key of kept.keys()) {
    if (kept.size <= max) return;
    kept.delete(key);
  }
}
