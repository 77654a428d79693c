import { randomUUID } from 'node:crypto';
import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import {
  NodeState,
  type RelayState,
  type RouterRef,
  type SessionRef,
  type StreamState,
} from '@sluice/proto-gen/common';
import { Fact, Heartbeat, NodeLost, type Beacon } from '@sluice/proto-gen/facts';
import { MediaNodeService, type GetStateResponse } from '@sluice/proto-gen/media_node';
import { SluiceError, streamKey, type StreamName } from '@sluice/core';
import { serverCredentials, startGrpcServer, unary, type GrpcServer } from '@sluice/grpc-kit';
import { Bus, SUBJECTS } from '@sluice/nats-kit';

const HEARTBEAT_INTERVAL_MS = 100;

/** As much of a media node as a directory sees: it beats, tells facts and answers GetState. */
export class FakeNode {
  readonly sessions = new Map<string, SessionRef>();
  readonly streams = new Map<string, StreamState>();
  readonly relays = new Set<RelayState>();
  revision = 0;
  stateReads = 0;
  state = NodeState.NODE_STATE_SERVING;
  /** Facts are made and never sent, as if NATS had lost them. */
  mute = false;
  cores = 2;
  /** As last reported; each core is as busy. */
  load = 0.1;
  /** Of its first core; the others have none. */
  beacon: Beacon | undefined;
  /** How often it was told that it had been taken for lost. */
  lostHeard = 0;
  /** It takes calls and never answers, as a process that stands still. */
  hangs = false;
  #beat: NodeJS.Timeout | undefined;
  #sequence = 0;

  private constructor(
    readonly nodeId: string,
    readonly bootId: string,
    private readonly bus: Bus,
    private readonly server: GrpcServer,
  ) {}

  static async start(natsUrl: string, nodeId: string, listen = '127.0.0.1:0'): Promise<FakeNode> {
    const bus = Bus.open({ url: natsUrl, name: nodeId });
    const getState = unary(
      () => (node.hangs ? new Promise<never>(() => undefined) : Promise.resolve(node.#truth())),
      () => undefined,
    );
    const implementation: UntypedServiceImplementation = { getState };
    for (const method of Object.keys(MediaNodeService)) implementation[method] ??= notHere;
    const server = await startGrpcServer(listen, serverCredentials(undefined), [
      [MediaNodeService, implementation],
    ]);
    const node: FakeNode = new FakeNode(nodeId, randomUUID(), bus, server);
    bus.listen(SUBJECTS.lost(nodeId), (payload) => {
      if (NodeLost.decode(payload).bootId === node.bootId) node.lostHeard += 1;
    });
    node.#beat = setInterval(() => node.beat(), HEARTBEAT_INTERVAL_MS);
    await bus.flush();
    node.beat();
    return node;
  }

  get grpcAddress(): string {
    return this.server.address;
  }

  router(index = 0): RouterRef {
    const { nodeId, bootId, grpcAddress } = this;
    return { nodeId, bootId, routerId: `${nodeId}-router-${index}`, grpcAddress };
  }

  beat(): void {
    this.#sequence += 1;
    const heartbeat: Heartbeat = {
      nodeId: this.nodeId,
      bootId: this.bootId,
      sequence: this.#sequence,
      region: 'here',
      zone: 'a',
      grpcAddress: this.grpcAddress,
      state: this.state,
      load: this.load,
      routers: Array.from({ length: this.cores }, (_, index) => ({
        routerId: this.router(index).routerId,
        load: this.load,
        sessions: 0,
        beacon: index === 0 ? this.beacon : undefined,
      })),
      sessions: this.sessions.size,
      revision: this.revision,
      highestEpoch: Math.max(0, ...[...this.streams.values()].map(({ epoch }) => epoch)),
    };
    const payload = Heartbeat.encode(heartbeat).finish();
    this.bus.publish(SUBJECTS.heartbeat(this.nodeId), payload);
  }

  openSession(room: string, participant: string, routerId = this.router().routerId): SessionRef {
    const sessionId = randomUUID();
    const session: SessionRef = {
      sessionId,
      room,
      participant,
      username: `${participant}'s name`,
      connectionId: `connection-of-${participant}`,
      attached: true,
      present: true,
      routerId,
    };
    this.sessions.set(sessionId, session);
    this.#tell(room, { $case: 'sessionOpened', value: { session } });
    return session;
  }

  closeSession(session: SessionRef): void {
    this.sessions.delete(session.sessionId);
    const value = { session, reason: 'requested' };
    this.#tell(session.room, { $case: 'sessionClosed', value });
  }

  publish(name: StreamName, epoch: number, sessionId: string): void {
    const { routerId } = this.router();
    const stream: StreamState = { name, epoch, sessionId, routerId, tracks: [] };
    this.streams.set(streamKey(name), stream);
    this.#tell(name.room, { $case: 'streamPublished', value: { stream, username: '' } });
  }

  endStream(name: StreamName): void {
    const epoch = this.streams.get(streamKey(name))?.epoch ?? 0;
    this.streams.delete(streamKey(name));
    this.#tell(name.room, { $case: 'streamEnded', value: { name, epoch } });
  }

  openRelay(relay: RelayState): void {
    this.relays.add(relay);
    this.#tell(relay.stream?.room ?? '', { $case: 'relayOpened', value: { relay } });
  }

  /** As when it is killed: it says nothing more, and its port is closed. */
  async stop(): Promise<void> {
    clearInterval(this.#beat);
    await this.bus.close();
    await this.server.stop(0);
  }

  /** It beats no more; it still answers, unless it hangs as well. */
  fallSilent(): void {
    clearInterval(this.#beat);
  }

  /** The end of having fallen silent. */
  resume(): void {
    this.#beat = setInterval(() => this.beat(), HEARTBEAT_INTERVAL_MS);
  }

  #tell(room: string, fact: NonNullable<Fact['fact']>): void {
    this.revision += 1;
    if (this.mute) return;
    const { nodeId, bootId, revision } = this;
    const payload = Fact.encode({ nodeId, bootId, revision, fact }).finish();
    this.bus.publish(SUBJECTS.roomFact(room, nodeId), payload);
  }

  #truth(): GetStateResponse {
    this.stateReads += 1;
    return {
      nodeId: this.nodeId,
      bootId: this.bootId,
      revision: this.revision,
      sessions: [...this.sessions.values()],
      streams: [...this.streams.values()],
      relays: [...this.relays],
      ingests: [],
    };
  }
}

const notHere = unary(
  () => Promise.reject(new SluiceError('INVALID_STATE', 'a fake node cannot do that')),
  () => undefined,
);
