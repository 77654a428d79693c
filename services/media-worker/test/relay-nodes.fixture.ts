import { randomUUID } from 'node:crypto';
import type { Consumer, DirectTransport, Producer } from 'mediasoup/types';
import { SluiceError, streamKey, systemClock, type ErrorCode, type StreamName } from '@sluice/core';
import {
  channelCredentials,
  serverCredentials,
  startGrpcServer,
  type GrpcServer,
} from '@sluice/grpc-kit';
import type { RelayState, RouterRef } from '@sluice/proto-gen/common';
import type { PlanRelayResponse } from '@sluice/proto-gen/stream_directory';
import { freePort } from '@sluice/testing';
import { relayTickets, type RelayTicket } from '@sluice/tokens';
import type { HomeRouter } from '../src/domain/routers/home-router.js';
import { SILENT, factsInto } from '../src/domain/ports.fixture.js';
import type { Directory, NodeIdentity } from '../src/domain/ports.js';
import { Relays, type RelayTimes } from '../src/domain/relays/relays.js';
import { StreamCopies } from '../src/domain/streams/stream-copies.js';
import { StreamCopy } from '../src/domain/streams/stream-copy.js';
import { relayPeerService } from '../src/grpc/relay-peer-service.js';
import { RelayPeers } from '../src/grpc/relay-peers.js';
import { openHomeRouters, type Workers } from '../src/mediasoup/workers.js';
import {
  opusParameters,
  rtpPacket,
  vp8DeltaFrame,
  vp8KeyFrame,
  vp8Parameters,
} from './rtp.fixture.js';

export const SECRET = 'a secret that only this test knows';

interface Placed {
  readonly parent: RouterRef;
  readonly epoch: number;
}

/** Plans what it is told, with real tickets. */
export class FakeDirectory implements Directory {
  readonly #placed = new Map<string, Placed>();
  readonly tickets = relayTickets(SECRET);
  readonly asked: { readonly to: RouterRef; readonly excluded: readonly string[] }[] = [];
  /** Changes a ticket before it is sealed. */
  forge: (ticket: RelayTicket) => RelayTicket = (ticket) => ticket;
  /** Changes a plan before it is given. */
  bend: (plan: PlanRelayResponse) => PlanRelayResponse = (plan) => plan;

  place(name: StreamName, parent: RouterRef, epoch: number): void {
    this.#placed.set(streamKey(name), { parent, epoch });
  }

  remove(name: StreamName): void {
    this.#placed.delete(streamKey(name));
  }

  claimStream(): Promise<{ readonly epoch: number }> {
    throw new Error('relays claim nothing');
  }

  findStream(): never {
    throw new Error('relays look for nothing');
  }

  releaseStream(): Promise<void> {
    throw new Error('relays release nothing');
  }

  planRelay(
    name: StreamName,
    to: RouterRef,
    excluded: readonly string[],
  ): Promise<PlanRelayResponse> {
    this.asked.push({ to, excluded });
    const placed = this.#placed.get(streamKey(name));
    if (!placed) return Promise.reject(new SluiceError('NOT_FOUND', 'nobody publishes it'));
    const { parent, epoch } = placed;
    const ticket = this.ticketFor(name, parent, to, epoch);
    const sameNode = parent.nodeId === to.nodeId;
    return Promise.resolve(this.bend({ parent, epoch, depth: 1, ticket, sameNode }));
  }

  ticketFor(name: StreamName, parent: RouterRef, to: RouterRef, epoch: number): string {
    return this.tickets.seal(
      this.forge({
        streamKey: streamKey(name),
        epoch,
        parentRouterId: parent.routerId,
        pullerNodeId: to.nodeId,
        pullerBootId: to.bootId,
        pullerRouterId: to.routerId,
      }),
    );
  }
}

export interface TestNode {
  readonly identity: NodeIdentity;
  readonly workers: Workers;
  readonly copies: StreamCopies;
  readonly relays: Relays;
  readonly peers: RelayPeers;
  /** Error codes that left this node's gRPC server. */
  readonly refused: ErrorCode[];
  readonly opened: RelayState[];
  readonly closed: RelayState[];
  readonly server: GrpcServer;
  /** Its core of that index. */
  core(index?: number): HomeRouter;
  refOf(router: HomeRouter): RouterRef;
  stop(): Promise<void>;
}

export interface TestNodeOptions {
  readonly nodeId: string;
  readonly directory: Directory;
  readonly cores?: number;
  readonly times?: Partial<RelayTimes>;
  readonly doubtful?: () => boolean;
}

/** A media node without sessions: workers, relays and a gRPC server on loopback. */
export async function startNode(options: TestNodeOptions): Promise<TestNode> {
  const { nodeId, directory, cores = 1, times = {}, doubtful = () => false } = options;
  const port = await freePort();
  const grpcAddress = `127.0.0.1:${String(port)}`;
  const identity = { nodeId, bootId: randomUUID(), grpcAddress };
  const workers = await openHomeRouters({
    cores,
    listen: { ip: '127.0.0.1', basePort: 0 },
    clock: systemClock,
    log: SILENT,
  });
  const copies = new StreamCopies();
  const peers = new RelayPeers(channelCredentials(undefined));
  const opened: RelayState[] = [];
  const closed: RelayState[] = [];
  const relays = new Relays({
    identity,
    routers: workers,
    copies,
    directory,
    facts: factsInto(opened, closed),
    peerAt: (address) => peers.at(address),
    tickets: relayTickets(SECRET),
    listen: { ip: '127.0.0.1', portMin: 10_000, portMax: 32_000 },
    clock: systemClock,
    log: SILENT,
    times,
    doubtful,
  });
  const refused: ErrorCode[] = [];
  const holder = { yieldStream: () => Promise.reject(new SluiceError('INVALID_STATE', 'in use')) };
  const report = (error: SluiceError) => refused.push(error.code);
  const service = relayPeerService(relays.service, holder, holder.yieldStream, report);
  const server = await startGrpcServer(grpcAddress, serverCredentials(undefined), [service]);
  return {
    identity,
    workers,
    copies,
    relays,
    peers,
    refused,
    opened,
    closed,
    server,
    core: (index = 0) => workers.list[index]!,
    refOf: (router) => ({ ...identity, routerId: router.routerId }),
    async stop() {
      relays.close();
      peers.close();
      await server.stop(100);
      workers.close();
    },
  };
}

/** A source that sends a packet of each of its SSRCs every 10 ms, keyframes first. */
export class Source {
  readonly #timer: NodeJS.Timeout;
  #sequence = 0;

  private constructor(
    readonly transport: DirectTransport,
    readonly producer: Producer,
    private readonly ssrcs: readonly number[],
  ) {
    this.#timer = setInterval(() => this.#send(), 10);
  }

  static async video(router: HomeRouter, ssrcs: readonly number[]): Promise<Source> {
    const transport = await router.router.createDirectTransport();
    const rtpParameters = vp8Parameters(ssrcs);
    const producer = await transport.produce({ kind: 'video', rtpParameters });
    return new Source(transport, producer, ssrcs);
  }

  static async audio(router: HomeRouter, ssrc: number): Promise<Source> {
    const transport = await router.router.createDirectTransport();
    const rtpParameters = opusParameters(ssrc);
    const producer = await transport.produce({ kind: 'audio', rtpParameters });
    return new Source(transport, producer, [ssrc]);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.transport.close();
  }

  #send(): void {
    if (this.producer.closed) return;
    this.#sequence += 1;
    for (const ssrc of this.ssrcs) this.producer.send(this.#packet(ssrc));
  }

  #packet(ssrc: number): Buffer {
    const sequence = this.#sequence;
    if (this.producer.kind === 'audio') {
      const payload = Buffer.from([0x78, 1, 2, 3]);
      return rtpPacket({ payloadType: 111, sequence, timestamp: sequence * 480, ssrc, payload });
    }
    const payload = sequence % 10 === 1 ? vp8KeyFrame() : vp8DeltaFrame();
    return rtpPacket({ payloadType: 96, sequence, timestamp: sequence * 900, ssrc, payload });
  }
}

/** Publishes `sources`, by track id, as a stream of which `router` is the origin. */
export function publish(
  node: TestNode,
  router: HomeRouter,
  name: StreamName,
  sources: Readonly<Record<string, Source>>,
  epoch = 1,
): StreamCopy {
  const copy = new StreamCopy(name, epoch, router, [node.identity.nodeId]);
  for (const [trackId, { producer }] of Object.entries(sources)) {
    copy.addTrack({ trackId, producer });
  }
  node.copies.add(copy);
  return copy;
}

/** Watches one track of a copy and counts what arrives. */
export class Viewer {
  packets = 0;

  private constructor(
    private readonly copy: StreamCopy,
    private readonly transport: DirectTransport,
    readonly consumer: Consumer,
  ) {
    consumer.on('rtp', () => {
      this.packets += 1;
    });
  }

  static async of(copy: StreamCopy, trackId: string): Promise<Viewer> {
    // A slow machine must not take longer than the linger.
    const hold = {};
    copy.watch(hold, false);
    const { router } = copy.router;
    const transport = await router.createDirectTransport();
    const consumer = await transport.consume({
      producerId: copy.tracks.get(trackId)!.producer.id,
      rtpCapabilities: router.rtpCapabilities,
    });
    const viewer = new Viewer(copy, transport, consumer);
    copy.watch(viewer, true);
    copy.unwatch(hold);
    return viewer;
  }

  want(wants: boolean): void {
    this.copy.watch(this, wants);
  }

  leave(): void {
    this.copy.unwatch(this);
    this.transport.close();
  }
}

/** Consumes a track and each that takes its place, as long as they live, and times what arrives. */
export class FollowingViewer {
  packets = 0;
  longestGapMs = 0;
  #lastMs = performance.now();
  /** Of each consumer in turn, when its first and its last packet came. */
  readonly spans: { firstMs: number; lastMs: number }[] = [];
  readonly #open = new Set<Consumer>();
  readonly #follow = () => void this.#consume();

  private constructor(
    private readonly copy: StreamCopy,
    private readonly trackId: string,
    private readonly transport: DirectTransport,
  ) {
    copy.on('tracksChanged', this.#follow);
    copy.watch(this, true);
  }

  static async of(copy: StreamCopy, trackId: string): Promise<FollowingViewer> {
    const viewer = new FollowingViewer(
      copy,
      trackId,
      await copy.router.router.createDirectTransport(),
    );
    await viewer.#consume();
    return viewer;
  }

  /** Consumers that are open: of the present track and of those before it. */
  get sources(): number {
    return this.#open.size;
  }

  leave(): void {
    this.copy.off('tracksChanged', this.#follow);
    this.copy.unwatch(this);
    this.transport.close();
  }

  async #consume(): Promise<void> {
    const producer = this.copy.tracks.get(this.trackId)?.producer;
    if (!producer || producer.closed) return;
    const { rtpCapabilities } = this.copy.router.router;
    const consumer = await this.transport.consume({ producerId: producer.id, rtpCapabilities });
    this.#open.add(consumer);
    const span = { firstMs: Infinity, lastMs: -Infinity };
    this.spans.push(span);
    consumer.observer.once('close', () => this.#open.delete(consumer));
    consumer.on('rtp', () => {
      const nowMs = performance.now();
      if (this.packets > 0) this.longestGapMs = Math.max(this.longestGapMs, nowMs - this.#lastMs);
      this.#lastMs = nowMs;
      span.firstMs = Math.min(span.firstMs, nowMs);
      span.lastMs = nowMs;
      this.packets += 1;
    });
  }
}

/** What is open on a router that a relay may leave behind. */
export async function countOn(
  router: HomeRouter,
): Promise<{ transports: number; consumers: number; producers: number }> {
  const dump = await router.router.dump();
  return {
    transports: dump.transportIds.length,
    producers: dump.mapProducerIdConsumerIds.length,
    consumers: dump.mapConsumerIdProducerId.length,
  };
}
