import {
  IngestStatus,
  NodeState,
  type IngestDefinition as IngestDefinitionMessage,
  type RelayState,
  type RouterRef,
} from '@sluice/proto-gen/common';
import type {
  IngestView as IngestViewMessage,
  NodeView,
  PlacedSession,
  RoomSession,
  RoomStream as RoomStreamMessage,
} from '@sluice/proto-gen/stream_directory';
import type { SessionAt } from '../domain/cluster/cluster-view.js';
import type { Relay } from '../domain/cluster/facts.js';
import type { IngestDefinition, IngestView } from '../domain/ingest.js';
import type { KnownNode } from '../domain/cluster/known-node.js';
import type { RoomStream } from '../domain/rooms/rooms.js';

export function fromNode(node: KnownNode, silenceMs: number): NodeView {
  const { nodeId, bootId, region, zone, grpcAddress, state, load, sessions, routers } =
    node.heartbeat;
  const { drainRemainingMs } = node.heartbeat;
  return {
    nodeId,
    bootId,
    region,
    zone,
    grpcAddress,
    state: state === 'serving' ? NodeState.NODE_STATE_SERVING : NodeState.NODE_STATE_DRAINING,
    load,
    sessions,
    silenceMs: Math.round(silenceMs),
    routerIds: routers.map(({ routerId }) => routerId),
    drainRemainingMs,
  };
}

export function fromRoomSession({ session, node }: SessionAt): RoomSession {
  return { session, nodeId: node.nodeId };
}

export function fromRoomStream({ stream, username, nodeId }: RoomStream): RoomStreamMessage {
  return { stream: { ...stream, tracks: [...stream.tracks] }, username, nodeId };
}

export function fromPlacedSession({ session, node }: SessionAt): PlacedSession {
  const { nodeId, bootId, heartbeat } = node;
  const { routerId } = session;
  const router: RouterRef = { nodeId, bootId, routerId, grpcAddress: heartbeat.grpcAddress };
  return { session, router };
}

export function fromRelay(relay: Relay): RelayState {
  return { ...relay };
}

export function fromIngestDefinition(definition: IngestDefinition): IngestDefinitionMessage {
  return { ...definition };
}

const INGEST_STATUSES = {
  connecting: IngestStatus.INGEST_STATUS_CONNECTING,
  running: IngestStatus.INGEST_STATUS_RUNNING,
  resting: IngestStatus.INGEST_STATUS_RESTING,
  failed: IngestStatus.INGEST_STATUS_FAILED,
} as const;

/** The sealed URL stays in the cluster. */
export function fromIngest({ definition, nodeId, status, ...rest }: IngestView): IngestViewMessage {
  return {
    definition: { ...fromIngestDefinition(definition), sealedUrl: '' },
    nodeId,
    status: INGEST_STATUSES[status],
    ...rest,
  };
}
