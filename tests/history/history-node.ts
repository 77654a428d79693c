import { randomUUID } from 'node:crypto';
import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { NodeState, type RouterRef, type StreamState } from '@sluice/proto-gen/common';
import { Fact, Heartbeat, NodeLost, StreamDoubted } from '@sluice/proto-gen/facts';
import { MediaNodeService, type GetStateResponse } from '@sluice/proto-gen/media_node';
import {
  StreamDirectoryService,
  type StreamDirectoryClient,
} from '@sluice/proto-gen/stream_directory';
import { SluiceError, hasCode, streamKey, type StreamName } from '@sluice/core';
import {
  callUnary,
  serverCredentials,
  startGrpcServer,
  unary,
  type GrpcServer,
} from '@sluice/grpc-kit';
import { Bus, SUBJECTS } from '@sluice/nats-kit';
import type { History } from './history.js';

const HEARTBEAT_INTERVAL_MS = 500;
const DEADLINE_MS = 3_000;
/** Between two attempts to register or release what the directory could not take. */
const RETRY_MS = 300;

/**
 * As much of a media node as its streams' names need: it claims, publishes, releases, takes over,
 * registers again when it is told that it was taken for lost, when a stream of its is doubted or when
 * NATS comes back, and ends what has another origin by then. It can be cut off, and can die.
 */
export class HistoryNode {
  readonly streams = new Map<string, StreamState>();
  /** Its address stays, whatever happens to it. */
  readonly grpcAddress: string;
  #bootId = randomUUID();
  #revision = 0;
  #sequence = 0;
  #highestEpoch = 0;
  #beat: NodeJS.Timeout | undefined;
  #server: GrpcServer | undefined;
  /** Nothing it says on NATS is heard, and it hears nothing. */
  #deaf = false;
  #registering = false;
  #stopped = false;

  private constructor(
    readonly nodeId: string,
    listen: string,
    private readonly bus: Bus,
    private readonly directory: StreamDirectoryClient,
    private readonly history: History,
  ) {
    this.grpcAddress = listen;
  }

  static async start(
    nodeId: string,
    listen: string,
    natsUrl: string,
    directory: StreamDirectoryClient,
    history: History,
  ): Promise<HistoryNode> {
    const bus = Bus.open({ url: natsUrl, name: nodeId });
    const node = new HistoryNode(nodeId, listen, bus, directory, history);
    bus.listen(SUBJECTS.lost(nodeId), (payload) => {
      if (!node.#deaf && NodeLost.decode(payload).bootId === node.#bootId) node.#onLost();
    });
    bus.listen(SUBJECTS.doubt(nodeId), (payload) => {
      const { bootId, name } = StreamDoubted.decode(payload);
      if (!node.#deaf && name && bootId === node.#bootId) node.#onDoubted(name);
    });
    bus.onConnected(() => void node.#registerAll());
    await node.#listen();
    node.#beat = setInterval(() => node.#sendHeartbeat(), HEARTBEAT_INTERVAL_MS);
    return node;
  }

  get reachable(): boolean {
    return this.#server !== undefined;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#beat);
    await this.#server?.stop(0);
    await this.bus.close();
  }

  /** Publishes under a new session; over `replaced`, where that is given, which ends there then. */
  async publish(name: StreamName, replaced?: { node: HistoryNode; sessionId: string }) {
    const askedAtMs = performance.now();
    const sessionId = randomUUID();
    const boot = this.#bootId;
    const epoch = await this.#claim(name, sessionId, { replacesSessionId: replaced?.sessionId });
    // It died, or was cut off, while it asked: then nobody was told that it may.
    if (epoch === undefined || boot !== this.#bootId || !this.reachable) return;
    const origin = `${this.nodeId} ${boot} ${sessionId}`;
    this.#end(this.streams.get(streamKey(name)), 'superseded');
    this.#keep({ name, epoch, sessionId, routerId: this.#router().routerId, tracks: [] });
    this.history.granted({ name, epoch, origin, askedAtMs, grantedAtMs: performance.now() });
    if (replaced) replaced.node.giveUp(name, replaced.sessionId);
  }

  /** Another session took over what this one published. */
  giveUp(name: StreamName, sessionId: string): void {
    const stream = this.streams.get(streamKey(name));
    if (stream?.sessionId !== sessionId) return;
    this.#end(stream, 'moved');
    void this.#release(stream);
  }

  async unpublish(name: StreamName): Promise<void> {
    const stream = this.streams.get(streamKey(name));
    this.#end(stream, 'released');
    if (stream) await this.#release(stream);
  }

  /** Its connection to NATS is cut; whoever asks it directly gets an answer. */
  setDeaf(deaf: boolean): void {
    this.#deaf = deaf;
  }

  /** Cut off from everybody, with all that it holds. */
  async cutOff(): Promise<void> {
    this.#deaf = true;
    const server = this.#server;
    this.#server = undefined;
    await server?.stop(0);
  }

  async reconnect(): Promise<void> {
    await this.#listen();
    this.#deaf = false;
  }

  /** Dies with all that it holds and starts again. */
  async restart(): Promise<void> {
    await this.cutOff();
    for (const stream of this.streams.values()) this.#end(stream, 'died');
    this.#bootId = randomUUID();
    this.#revision = 0;
    this.#highestEpoch = 0;
    await this.reconnect();
  }

  async #listen(): Promise<void> {
    const implementation: UntypedServiceImplementation = {};
    for (const method of Object.keys(MediaNodeService)) {
      implementation[method] = unary(
        () => Promise.reject(new SluiceError('INVALID_STATE', 'not here')),
        () => undefined,
      );
    }
    implementation['getState'] = unary(
      () => Promise.resolve(this.#truth()),
      () => undefined,
    );
    const services = [[MediaNodeService, implementation]] as const;
    this.#server = await startGrpcServer(this.grpcAddress, serverCredentials(undefined), services);
  }

  #onLost(): void {
    const recovered = this.history.disturbed(this.nodeId, 'taken for lost');
    void this.#registerAll().finally(recovered);
  }

  #onDoubted(name: StreamName): void {
    const stream = this.streams.get(streamKey(name));
    if (stream) void this.#register(stream, this.#bootId);
  }

  /** What is another's by now ends here. */
  async #registerAll(): Promise<void> {
    if (this.#registering || this.#stopped) return;
    this.#registering = true;
    const boot = this.#bootId;
    try {
      for (const stream of [...this.streams.values()]) await this.#register(stream, boot);
    } finally {
      this.#registering = false;
    }
  }

  async #register(stream: StreamState, boot: string): Promise<void> {
    const { name, epoch, sessionId } = stream;
    const held = () =>
      this.#bootId === boot && !this.#stopped && this.streams.get(streamKey(name!)) === stream;
    while (held()) {
      try {
        await this.#claim(name!, sessionId, { heldEpoch: epoch }, true);
        return;
      } catch (error) {
        if (hasCode(error, 'STALE_EPOCH', 'ALREADY_EXISTS')) {
          if (held()) this.#end(stream, 'fenced');
          return;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  async #claim(
    name: StreamName,
    sessionId: string,
    over: { replacesSessionId?: string | undefined; heldEpoch?: number },
    rethrow = false,
  ): Promise<number | undefined> {
    try {
      if (!this.reachable) throw new SluiceError('UNAVAILABLE', 'cut off');
      const origin = this.#router();
      const request = { name, origin, sessionId, highestEpoch: this.#highestEpoch, ...over };
      const { claimStream } = StreamDirectoryService;
      const { epoch } = await callUnary(this.directory, claimStream, request, DEADLINE_MS);
      this.#highestEpoch = Math.max(this.#highestEpoch, epoch);
      return epoch;
    } catch (error) {
      if (rethrow) throw error;
      this.history.note(`claim: ${SluiceError.from(error).code}`);
      return undefined;
    }
  }

  async #release({ name, epoch }: StreamState): Promise<void> {
    const { nodeId } = this;
    const bootId = this.#bootId;
    while (!this.#stopped && this.#bootId === bootId) {
      const request = { name: name!, epoch, nodeId, bootId };
      const { releaseStream } = StreamDirectoryService;
      try {
        if (!this.reachable) throw new SluiceError('UNAVAILABLE', 'cut off');
        await callUnary(this.directory, releaseStream, request, DEADLINE_MS);
        return;
      } catch (error) {
        this.history.note(`release: ${SluiceError.from(error).code}`);
        if (hasCode(error, 'STALE_EPOCH')) return;
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  #keep(stream: StreamState): void {
    this.streams.set(streamKey(stream.name!), stream);
    this.#tell(stream.name!.room, {
      $case: 'streamPublished',
      value: { stream, username: '' },
    });
  }

  #end(stream: StreamState | undefined, why: string): void {
    if (!stream || this.streams.get(streamKey(stream.name!)) !== stream) return;
    const { name, epoch } = stream;
    this.streams.delete(streamKey(name!));
    this.history.ended(name!, epoch, why);
    this.#tell(name!.room, { $case: 'streamEnded', value: { name: name!, epoch } });
  }

  #tell(room: string, fact: NonNullable<Fact['fact']>): void {
    this.#revision += 1;
    const revision = this.#revision;
    const payload = Fact.encode({ nodeId: this.nodeId, bootId: this.#bootId, revision, fact });
    if (!this.#deaf) this.bus.publish(SUBJECTS.roomFact(room, this.nodeId), payload.finish());
  }

  #sendHeartbeat(): void {
    this.#sequence += 1;
    const { routerId } = this.#router();
    const heartbeat = Heartbeat.fromPartial({
      nodeId: this.nodeId,
      bootId: this.#bootId,
      sequence: this.#sequence,
      grpcAddress: this.grpcAddress,
      state: NodeState.NODE_STATE_SERVING,
      routers: [{ routerId }],
      revision: this.#revision,
      highestEpoch: this.#highestEpoch,
    });
    const payload = Heartbeat.encode(heartbeat).finish();
    if (!this.#deaf) this.bus.publish(SUBJECTS.heartbeat(this.nodeId), payload);
  }

  #router(): RouterRef {
    const { nodeId, grpcAddress } = this;
    return { nodeId, bootId: this.#bootId, routerId: `${nodeId}-router`, grpcAddress };
  }

  #truth(): GetStateResponse {
    return {
      nodeId: this.nodeId,
      bootId: this.#bootId,
      revision: this.#revision,
      sessions: [],
      streams: [...this.streams.values()],
      relays: [],
      ingests: [],
    };
  }
}
