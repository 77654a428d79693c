import { SluiceError } from '@sluice/core';
import { callUnary } from '@sluice/grpc-kit';
import type { RouterRef } from '@sluice/proto-gen/common';
import {
  StreamDirectoryService,
  type StreamDirectoryClient,
} from '@sluice/proto-gen/stream_directory';
import type {
  Directory,
  Home,
  IngestDefinition,
  IngestView,
  NodeView,
  PlacedSession,
  RelayView,
  RoomContents,
  RoomSessionAt,
  RoomUpdate,
  StreamView,
} from '../domain/ports.js';
import { toIngest, toNodeState, toRoomSession, toRoomStream } from '../proto/from-proto.js';

const DEADLINE_MS = 2_000;
/** It may take some rounds of compare-and-set. */
const INGEST_DEADLINE_MS = 6_000;

/** Where this gateway is, as its clients are most likely near it. */
export interface Location {
  readonly region: string;
  readonly zone: string;
}

/** The stream directory over gRPC: all its replicas are one. */
export class GrpcDirectory implements Directory {
  constructor(
    private readonly client: StreamDirectoryClient,
    private readonly location: Location,
  ) {}

  async placeSession(
    room: string,
    participant: string,
    excludeNodeIds: readonly string[],
  ): Promise<Home> {
    const { router } = await callUnary(
      this.client,
      StreamDirectoryService.placeSession,
      { room, participant, ...this.location, excludeNodeIds: [...excludeNodeIds] },
      DEADLINE_MS,
    );
    return toHome(router);
  }

  async contentsOf(room: string): Promise<RoomContents> {
    const { sessions, streams } = await callUnary(
      this.client,
      StreamDirectoryService.getRoom,
      { room },
      DEADLINE_MS,
    );
    return {
      sessions: sessions.flatMap(({ session }) => (session ? [toRoomSession(session)] : [])),
      streams: streams.map((row) => toRoomStream(row.stream, row.username)).filter((row) => !!row),
    };
  }

  async updateRoom(room: string, update: RoomUpdate): Promise<void> {
    const request = { room, ...update };
    await callUnary(this.client, StreamDirectoryService.updateRoom, request, DEADLINE_MS);
  }

  async sessionsIn(room: string): Promise<RoomSessionAt[]> {
    const { getRoom } = StreamDirectoryService;
    const { sessions } = await callUnary(this.client, getRoom, { room }, DEADLINE_MS);
    return sessions.flatMap(({ session, nodeId }) =>
      session ? [{ ...toRoomSession(session), nodeId, connectionId: session.connectionId }] : [],
    );
  }

  async sessionsOf(connectionId: string): Promise<PlacedSession[]> {
    const { client } = this;
    const { sessions } = await callUnary(
      client,
      StreamDirectoryService.findSessions,
      { connectionId },
      DEADLINE_MS,
    );
    return sessions.flatMap(({ session, router }) => {
      if (!session || !router) return [];
      const { sessionId, room, present } = session;
      return [{ sessionId, room, present, home: toHome(router) }];
    });
  }

  async nodes(): Promise<NodeView[]> {
    const { nodes } = await callUnary(
      this.client,
      StreamDirectoryService.listNodes,
      {},
      DEADLINE_MS,
    );
    return nodes.map(({ state, drainRemainingMs, ...node }) => ({
      nodeId: node.nodeId,
      region: node.region,
      zone: node.zone,
      load: node.load,
      sessions: node.sessions,
      state: toNodeState(state),
      silenceMs: node.silenceMs,
      drainRemainingMs,
      grpcAddress: node.grpcAddress,
    }));
  }

  async streams(): Promise<StreamView[]> {
    const { streams } = await callUnary(
      this.client,
      StreamDirectoryService.listStreams,
      {},
      DEADLINE_MS,
    );
    return streams.flatMap((row) => {
      const stream = toRoomStream(row.stream, row.username);
      return stream ? [{ ...stream, room: row.stream?.name?.room ?? '', nodeId: row.nodeId }] : [];
    });
  }

  async relays(): Promise<RelayView[]> {
    const { relays } = await callUnary(
      this.client,
      StreamDirectoryService.listRelays,
      {},
      DEADLINE_MS,
    );
    return relays.flatMap(({ stream, epoch, from, to }) =>
      stream && from && to ? [{ ...stream, epoch, from: toEnd(from), to: toEnd(to) }] : [],
    );
  }

  async ingests(): Promise<IngestView[]> {
    const { ingests } = await callUnary(
      this.client,
      StreamDirectoryService.listIngests,
      {},
      DEADLINE_MS,
    );
    return ingests.flatMap((row) => toIngest(row) ?? []);
  }

  async createIngest(wish: IngestDefinition, sealedUrl: string): Promise<void> {
    const { room, participant, purpose, ...rest } = wish;
    const stream = { room, participant, purpose };
    const definition = { ...rest, stream, sealedUrl, configured: false };
    const method = StreamDirectoryService.createIngest;
    await callUnary(this.client, method, { definition }, INGEST_DEADLINE_MS);
  }

  async deleteIngest(ingestId: string): Promise<void> {
    const method = StreamDirectoryService.deleteIngest;
    await callUnary(this.client, method, { ingestId }, INGEST_DEADLINE_MS);
  }
}

function toEnd({ nodeId, routerId }: RouterRef): { nodeId: string; routerId: string } {
  return { nodeId, routerId };
}

function toHome(router: RouterRef | undefined): Home {
  if (!router) throw new SluiceError('INTERNAL', 'the directory placed a session nowhere');
  const { nodeId, bootId, routerId, grpcAddress } = router;
  return { nodeId, bootId, routerId, grpcAddress };
}
