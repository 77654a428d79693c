import type { RouterRef, SessionRef } from '@sluice/proto-gen/common';
import { streamKey, type StreamKey, type StreamName } from '@sluice/core';
import { FakeClock } from '@sluice/testing';
import { Directory, type DirectoryRules } from '../domain/directory.js';
import type {
  Beacon,
  Boot,
  Change,
  Heartbeat,
  NodeTruth,
  Relay,
  Stream,
} from '../domain/cluster/facts.js';
import type { NodeAnswer } from '../domain/ports.js';
import { MemoryStreamRecords } from './memory-stream-records.js';

export const CAMERA: StreamName = {
  room: 'kitchen',
  participant: 'ann',
  purpose: 'm.usermedia',
};

export const aHeartbeat = (nodeId: string, over: Partial<Heartbeat> = {}): Heartbeat => ({
  nodeId,
  bootId: `boot-of-${nodeId}`,
  region: 'eu',
  zone: '1',
  grpcAddress: `${nodeId}:1`,
  state: 'serving',
  load: 0.1,
  routers: [{ routerId: `${nodeId}-0`, load: 0.1, sessions: 0 }],
  beacons: [],
  sessions: 0,
  revision: 0,
  highestEpoch: 0,
  drainRemainingMs: undefined,
  ...over,
});

/** Of a node that the cluster's `beaming` decides upon. */
export const aBeacon = (nodeId: string): Beacon => ({
  ip: '127.0.0.1',
  port: 1,
  usernameFragment: nodeId,
  password: 'secret',
});

export const aRouter = (nodeId: string, core = 0): RouterRef => ({
  nodeId,
  bootId: `boot-of-${nodeId}`,
  routerId: `${nodeId}-${core}`,
  grpcAddress: `${nodeId}:1`,
});

export const aSession = (sessionId: string, over: Partial<SessionRef> = {}): SessionRef => ({
  sessionId,
  room: CAMERA.room,
  participant: 'ann',
  username: 'Ann',
  connectionId: `connection-of-${sessionId}`,
  attached: true,
  present: true,
  routerId: 'a-0',
  ...over,
});

export const aStream = (epoch: number, over: Partial<Stream> = {}): Stream => ({
  name: CAMERA,
  epoch,
  sessionId: 's1',
  routerId: 'a-0',
  tracks: [],
  ...over,
});

export const aTruth = (nodeId: string, over: Partial<NodeTruth> = {}): NodeTruth => ({
  nodeId,
  bootId: `boot-of-${nodeId}`,
  revision: 0,
  sessions: [],
  streams: [],
  relays: [],
  ingests: [],
  ...over,
});

const RULES: DirectoryRules = {
  placement: { policy: 'balanced', roomRegions: [], nodeLoadMax: 0.85, silentMs: 2_500 },
  relays: { maxChildren: 4, maxDepth: 8 },
  lostMs: 5_000,
  stalledMs: 15_000,
};

/** One replica of the directory on a clock that the test moves, and nodes that the test plays. */
export class ACluster {
  readonly clock = new FakeClock();
  readonly records = new MemoryStreamRecords();
  readonly hearing = {
    connected: true,
    catchUp: () => Promise.resolve(this.hearing.connected),
  };
  readonly ended: string[] = [];
  readonly rejected: string[] = [];
  readonly repairs: string[] = [];
  readonly announced: Relay[] = [];
  readonly lost: Boot[] = [];
  /** Nodes that were asked to make sure of a stream, and of which. */
  readonly doubted: [nodeId: string, key: StreamKey][] = [];
  readonly replanned: Relay[] = [];
  readonly asked: string[] = [];
  /** Nodes whose workers answer STUN. */
  readonly beaming = new Set<string>();
  /** What nodes answer when they are asked; one that is not in it refuses. */
  readonly answers = new Map<string, () => NodeAnswer | Promise<NodeAnswer>>();
  readonly directory: Directory;
  readonly #revisions = new Map<string, number>();

  constructor(rules: Partial<DirectoryRules> = {}) {
    this.directory = new Directory(
      {
        records: this.records,
        nodes: {
          readTruth: async ({ nodeId }) => {
            this.asked.push(nodeId);
            return (await this.answers.get(nodeId)?.()) ?? { outcome: 'refused' };
          },
        },
        beacons: {
          anyAnswers: async (beacons) => {
            await Promise.resolve();
            return beacons.some(({ usernameFragment }) => this.beaming.has(usernameFragment));
          },
        },
        hearing: this.hearing,
        clock: this.clock,
        random: () => 0,
        sign: (ticket) => JSON.stringify(ticket),
        announce: (relay) => this.announced.push(relay),
        replan: (relay) => this.replanned.push(relay),
        doubt: ({ nodeId }, name) => this.doubted.push([nodeId, streamKey(name)]),
        announceLost: (boot) => this.lost.push(boot),
      },
      { ...RULES, ...rules },
      {
        onEnded: ({ nodeId }) => this.ended.push(nodeId),
        onRejected: (why) => this.rejected.push(why),
        onRepair: (repair) => this.repairs.push(repair),
      },
    );
    this.directory.start();
  }

  beat(nodeId: string, over: Partial<Heartbeat> = {}): void {
    const revision = this.#revisions.get(nodeId) ?? 0;
    this.directory.hearHeartbeat(aHeartbeat(nodeId, { revision, ...over }));
  }

  tell(nodeId: string, change: Change, bootId = `boot-of-${nodeId}`): void {
    const revision = (this.#revisions.get(nodeId) ?? 0) + 1;
    this.#revisions.set(nodeId, revision);
    this.directory.hearFact({ nodeId, bootId, revision, change });
  }

  /** Lets time pass while `beating` nodes beat every second. */
  async pass(ms: number, ...beating: string[]): Promise<void> {
    for (let passed = 0; passed < ms; passed += 250) {
      if (passed % 1_000 === 0) for (const nodeId of beating) this.beat(nodeId);
      this.clock.elapse(Math.min(250, ms - passed));
      await settled();
    }
  }
}

/** Lets everything that waits for no timer run to its end. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
