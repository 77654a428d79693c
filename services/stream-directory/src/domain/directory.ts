import type { RelayTicket } from '@sluice/tokens';
import { streamKey, type Clock, type Random, type StreamName, type Timer } from '@sluice/core';
import { ClusterView } from './cluster/cluster-view.js';
import type { Boot, Fact, Heartbeat, Relay } from './cluster/facts.js';
import type { KnownNode } from './cluster/known-node.js';
import { NodeLiveness } from './cluster/node-liveness.js';
import type { Rejection } from './placement/placement.js';
import type { Beacons, Hearing, MediaNodes, StreamRecords } from './ports.js';
import { RecordAudit, type Repair } from './streams/record-audit.js';
import { RelayPlanner } from './relays/relay-planner.js';
import type { TreeLimits } from './relays/relay-tree.js';
import { Reservations } from './placement/reservations.js';
import { Rooms } from './rooms/rooms.js';
import { SessionPlacer, type PlacementRules } from './placement/session-placer.js';
import { StreamRegistry } from './streams/stream-registry.js';

/** What one replica needs of the world. */
export interface Surroundings {
  readonly records: StreamRecords;
  readonly nodes: MediaNodes;
  readonly beacons: Beacons;
  readonly hearing: Hearing;
  readonly clock: Clock;
  readonly random: Random;
  readonly sign: (ticket: RelayTicket) => string;
  /** Tells the other replicas of a relay that was planned; it may get lost. */
  readonly announce: (relay: Relay) => void;
  /** Asks the node that pulls a relay to plan it again; it may get lost. */
  readonly replan: (relay: Relay) => void;
  /** Asks a boot to make sure that a stream is still its own; it may get lost. */
  readonly doubt: (boot: Boot, name: StreamName) => void;
  /** Tells everybody that a boot is over, or seemed to be; it may get lost. */
  readonly announceLost: (boot: Boot) => void;
}

export interface DirectoryRules {
  readonly placement: PlacementRules;
  readonly relays: TreeLimits;
  /** A node without a beacon that neither beats nor answers for so long is gone. */
  readonly lostMs: number;
  /** One whose control process says nothing while its workers forward, after so long. */
  readonly stalledMs: number;
}

/** For the log and the metrics. */
export interface DirectoryEvents {
  readonly onEnded: (node: KnownNode) => void;
  readonly onRejected: (why: Rejection) => void;
  readonly onRepair: (repair: Repair) => void;
}

const AUDIT_INTERVAL_MS = 5_000;
const SWEEP_INTERVAL_MS = 1_000;

/** One replica of the directory: what it knows, and what can be asked of it. */
export class Directory {
  readonly view: ClusterView;
  readonly registry: StreamRegistry;
  readonly placer: SessionPlacer;
  readonly planner: RelayPlanner;
  readonly rooms: Rooms;
  readonly #liveness: NodeLiveness;
  readonly #audit: RecordAudit;
  readonly #clock: Clock;
  #auditing: Timer | undefined;
  #sweeping: Timer | undefined;

  constructor(surroundings: Surroundings, rules: DirectoryRules, events: DirectoryEvents) {
    const { records, hearing, clock, random } = surroundings;
    this.#clock = clock;
    this.view = new ClusterView(clock, {
      onBehind: (node) => this.#liveness.readBehind(node),
      onEnded: (node) => {
        this.planner.lose(node.nodeId);
        events.onEnded(node);
        surroundings.announceLost({ nodeId: node.nodeId, bootId: node.bootId });
        this.audit();
      },
      onRelay: (relay) => this.planner.changed(relay),
      onReturned: (heartbeat) => void this.#liveness.readmit(heartbeat),
    });
    this.#liveness = new NodeLiveness(this.view, surroundings, clock, rules);
    this.registry = new StreamRegistry(records, this.view, this.#liveness);
    const places = {
      view: this.view,
      reservations: new Reservations(clock),
      isStalled: (node: KnownNode) => this.isStalled(node),
    };
    this.placer = new SessionPlacer(places, rules.placement, random, events.onRejected);
    this.planner = new RelayPlanner(this.registry, this.view, clock, rules.relays, surroundings);
    this.rooms = new Rooms(this.view, records, this.registry, hearing);
    const audited = {
      records,
      registry: this.registry,
      view: this.view,
      liveness: this.#liveness,
      doubt: surroundings.doubt,
    };
    this.#audit = new RecordAudit(audited, clock, rules, events.onRepair);
  }

  /** For how long all nodes could be heard by now. */
  get hearingMs(): number {
    return this.#liveness.hearingMs;
  }

  /** Resolves when what is not in the view is not there. @throws {SluiceError} UNAVAILABLE */
  untilKnown(): Promise<void> {
    return this.#liveness.untilKnown();
  }

  start(): void {
    this.#liveness.start();
    this.#auditing = this.#clock.every(AUDIT_INTERVAL_MS, () => this.audit());
    this.#sweeping = this.#clock.every(SWEEP_INTERVAL_MS, () => this.planner.sweep());
  }

  stop(): void {
    this.#liveness.stop();
    this.#auditing?.cancel();
    this.#sweeping?.cancel();
  }

  hearHeartbeat(heartbeat: Heartbeat): void {
    this.view.hearHeartbeat(heartbeat);
  }

  /** Another replica takes a boot for lost. */
  hearLost(boot: Boot): void {
    this.#liveness.hearLost(boot);
  }

  /** Whether a node's control process stands still while its workers forward. */
  isStalled(node: KnownNode): boolean {
    return this.#liveness.isStalled(node);
  }

  hearFact(fact: Fact): void {
    const { nodeId, bootId, change } = fact;
    const node = this.view.find(nodeId, bootId);
    if (change.type === 'session kept' && node && !node.findSession(change.session.sessionId)) {
      this.placer.hearOpened(change.session, nodeId);
    }
    const closed = change.type === 'session closed' && node?.findSession(change.sessionId);
    if (closed) this.placer.hearClosed(closed);
    this.view.hearFact(fact);
    if (change.type === 'stream kept') {
      const stream = node?.findStream(streamKey(change.stream.name));
      if (node && stream) this.#audit.check({ stream, node });
    }
    if (change.type === 'relay kept' || change.type === 'relay closed') {
      this.planner.settle(change.relay);
    }
  }

  /** Another replica planned a relay. */
  hearPlanned(relay: Relay): void {
    this.planner.remember(relay);
  }

  /** Makes the records match what the nodes say, as it does by itself from time to time. */
  audit(): void {
    void this.#audit.run();
  }
}
