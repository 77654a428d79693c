import type { handleUnaryCall } from '@grpc/grpc-js';
import type { StreamDirectoryServer } from '@sluice/proto-gen/stream_directory';
import { NodeId, SessionId, parseName } from '@sluice/core';
import { unary, type ReportError } from '@sluice/grpc-kit';
import type { ClusterView } from '../domain/cluster/cluster-view.js';
import { IngestId } from '../domain/ingest.js';
import type { Ingests } from '../domain/ingests/ingests.js';
import type { RelayPlanner } from '../domain/relays/relay-planner.js';
import type { RoomDoors } from '../domain/rooms/room-doors.js';
import type { Rooms } from '../domain/rooms/rooms.js';
import type { SessionPlacer } from '../domain/placement/session-placer.js';
import type { StreamRegistry } from '../domain/streams/stream-registry.js';
import {
  toEpoch,
  toIngestDefinition,
  toRouterRef,
  toStreamName,
  toText,
} from '../messages/from-message.js';
import {
  fromIngest,
  fromNode,
  fromPlacedSession,
  fromRelay,
  fromRoomSession,
  fromRoomStream,
} from '../messages/to-message.js';

export interface UseCases {
  /** Before anything is answered: a replica that has just started knows nobody yet. */
  readonly untilKnown: () => Promise<void>;
  readonly placer: SessionPlacer;
  readonly registry: StreamRegistry;
  readonly planner: RelayPlanner;
  readonly rooms: Rooms;
  readonly view: ClusterView;
  readonly doors: RoomDoors;
  readonly ingests: Ingests;
}

/** Told how each call went: OK or the error's code. */
export type ObserveCall = (method: string, code: string, durationS: number) => void;

/** Ids in one request; a caller that has tried more than these has other troubles. */
const EXCLUDED_MAX = 256;

/** The API of `stream_directory.proto`: checks what comes in, and calls one use case each. */
export function directoryService(
  useCases: UseCases,
  report: ReportError,
  observe: ObserveCall,
): StreamDirectoryServer {
  const answer: Answer = (method, useCase) => {
    const onceKnown = async (request: Parameters<typeof useCase>[0]) => {
      await useCases.untilKnown();
      return useCase(request);
    };
    return observed(method, onceKnown, report, observe);
  };
  return {
    ...streamMethods(useCases, answer),
    ...ingestMethods(useCases, answer),
    ...listMethods(useCases, answer),
    placeSession: answer('PlaceSession', async (request) => {
      const { region, zone, excludeNodeIds } = request;
      const room = request.room === '' ? '' : parseName('room', request.room);
      await useCases.doors.admit({ room, participant: request.participant });
      const router = useCases.placer.place({
        room,
        region: toText(region, 'region'),
        zone: toText(zone, 'zone'),
        excludeNodeIds: excludeNodeIds.slice(0, EXCLUDED_MAX).map(NodeId),
      });
      return { router };
    }),
    admitToRoom: answer('AdmitToRoom', async ({ room, participant, connectionId, mayOpen }) => {
      await useCases.doors.admit({
        room: parseName('room', room),
        participant: parseName('participant', participant),
        connectionId: toText(connectionId, 'connection id'),
        mayOpen,
      });
      return {};
    }),
    updateRoom: answer('UpdateRoom', async ({ room, locked, removedParticipant }) => {
      const name = parseName('room', room);
      if (removedParticipant !== undefined) await useCases.doors.forget(name, removedParticipant);
      if (locked !== undefined) await useCases.doors.setLocked(name, locked);
      return {};
    }),
    getRoom: answer('GetRoom', async ({ room }) => {
      const { sessions, streams } = await useCases.rooms.get(parseName('room', room));
      return { sessions: sessions.map(fromRoomSession), streams: streams.map(fromRoomStream) };
    }),
    findSessions: answer('FindSessions', async ({ connectionId }) => {
      const sessions = await useCases.rooms.sessionsOf(toText(connectionId, 'connection id'));
      return { sessions: sessions.map(fromPlacedSession) };
    }),
  };
}

type Answer = <Req, Res>(
  method: string,
  useCase: (request: Req) => Promise<Res> | Res,
) => handleUnaryCall<Req, Res>;

function streamMethods({ registry, planner }: UseCases, answer: Answer) {
  return {
    claimStream: answer('ClaimStream', async (request) => {
      const { name, origin, sessionId, highestEpoch, heldEpoch, replacesSessionId } = request;
      const epoch = await registry.claim({
        name: toStreamName(name),
        origin: toRouterRef(origin),
        sessionId: SessionId(sessionId),
        highestEpoch: toEpoch(highestEpoch),
        heldEpoch: heldEpoch === undefined ? undefined : toEpoch(heldEpoch),
        replacesSessionId:
          replacesSessionId === undefined ? undefined : SessionId(replacesSessionId),
      });
      return { epoch };
    }),
    releaseStream: answer('ReleaseStream', async ({ name, epoch, nodeId, bootId }) => {
      await registry.release({
        name: toStreamName(name),
        epoch: toEpoch(epoch),
        nodeId: NodeId(nodeId),
        bootId: NodeId(bootId),
      });
      return {};
    }),
    findStream: answer('FindStream', async ({ name }) => {
      const { origin, epoch, sessionId } = await registry.find(toStreamName(name));
      return { origin, epoch, sessionId };
    }),
    planRelay: answer('PlanRelay', async ({ stream, to, excludeRouterIds }) => {
      return planner.plan({
        stream: toStreamName(stream),
        to: toRouterRef(to),
        excludeRouterIds: excludeRouterIds.slice(0, EXCLUDED_MAX),
      });
    }),
  } satisfies Pick<
    StreamDirectoryServer,
    'claimStream' | 'releaseStream' | 'findStream' | 'planRelay'
  >;
}

function listMethods({ view, rooms }: UseCases, answer: Answer) {
  return {
    listNodes: answer('ListNodes', () => {
      return { nodes: [...view.nodes()].map((node) => fromNode(node, view.silenceMs(node))) };
    }),
    listStreams: answer('ListStreams', () => ({ streams: rooms.streams().map(fromRoomStream) })),
    listRelays: answer('ListRelays', () => ({ relays: view.relays().map(fromRelay) })),
  } satisfies Pick<StreamDirectoryServer, 'listNodes' | 'listStreams' | 'listRelays'>;
}

function ingestMethods({ ingests }: UseCases, answer: Answer) {
  return {
    createIngest: answer('CreateIngest', async ({ definition }) => {
      await ingests.create({ ...toIngestDefinition(definition), configured: false });
      return {};
    }),
    deleteIngest: answer('DeleteIngest', async ({ ingestId }) => {
      await ingests.delete(IngestId(ingestId));
      return {};
    }),
    listIngests: answer('ListIngests', () => ({ ingests: ingests.list().map(fromIngest) })),
  } satisfies Pick<StreamDirectoryServer, 'createIngest' | 'deleteIngest' | 'listIngests'>;
}

function observed<Req, Res>(
  method: string,
  useCase: (request: Req) => Promise<Res> | Res,
  report: ReportError,
  observe: ObserveCall,
): handleUnaryCall<Req, Res> {
  return (call, callback) => {
    const startedMs = performance.now();
    let code = 'OK';
    const handle = unary<Req, Res>(
      async (request) => useCase(request),
      (error, path) => {
        code = error.code;
        report(error, path);
      },
    );
    handle(call, (...answer) => {
      observe(method, code, (performance.now() - startedMs) / 1_000);
      callback(...answer);
    });
  };
}
