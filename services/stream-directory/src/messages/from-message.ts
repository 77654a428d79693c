import { isIP } from 'node:net';
import {
  IngestStatus,
  NodeState,
  type IngestDefinition as IngestDefinitionMessage,
  type IngestState,
  type RelayState,
  type RouterRef,
  type SessionRef,
  type StreamName as StreamNameMessage,
  type StreamState,
} from '@sluice/proto-gen/common';
import type {
  Beacon as BeaconMessage,
  Fact as FactMessage,
  Heartbeat as HeartbeatMessage,
  NodeLost as NodeLostMessage,
} from '@sluice/proto-gen/facts';
import type { GetStateResponse } from '@sluice/proto-gen/media_node';
import { NodeId, RouterId, SessionId, SluiceError, parseName, type StreamName } from '@sluice/core';
import { IngestId, type IngestDefinition, type RunningIngest } from '../domain/ingest.js';
import type {
  Beacon,
  Boot,
  Change,
  Fact,
  Heartbeat,
  NodeTruth,
  Relay,
  Stream,
} from '../domain/cluster/facts.js';

/** Far beyond what counting origins ever reaches; more is an attempt to exhaust the numbers. */
const EPOCH_MAX = 2 ** 48;
const TEXT_MAX_CHARACTERS = 256;
const TRACKS_MAX = 256;

/** @throws {SluiceError} INVALID_ARGUMENT, as all of this file for what is not well-formed. */
export function toStreamName(message: StreamNameMessage | undefined): StreamName {
  const { room, participant, purpose } = required(message, 'stream name');
  return {
    room: parseName('room', room),
    participant: parseName('participant', participant),
    purpose: parseName('purpose', purpose),
  };
}

export function toRouterRef(message: RouterRef | undefined): RouterRef {
  const { nodeId, bootId, routerId, grpcAddress } = required(message, 'router');
  if (grpcAddress === '') throw malformed('gRPC address');
  return {
    nodeId: NodeId(nodeId),
    bootId: NodeId(bootId),
    routerId: RouterId(routerId),
    grpcAddress: toText(grpcAddress, 'gRPC address'),
  };
}

export function toEpoch(epoch: number): number {
  if (epoch > EPOCH_MAX) throw malformed('epoch');
  return epoch;
}

/** Text that may be empty. */
export function toText(text: string, noun: string): string {
  if (text.length > TEXT_MAX_CHARACTERS) throw malformed(noun);
  return text;
}

export function toHeartbeat(message: HeartbeatMessage): Heartbeat {
  const { nodeId, bootId, region, zone, grpcAddress, sessions, revision } = message;
  return {
    nodeId: NodeId(nodeId),
    bootId: NodeId(bootId),
    region: toText(region, 'region'),
    zone: toText(zone, 'zone'),
    grpcAddress: toText(grpcAddress, 'gRPC address'),
    state: message.state === NodeState.NODE_STATE_SERVING ? 'serving' : 'draining',
    load: toLoad(message.load),
    routers: message.routers.map((router) => ({
      routerId: RouterId(router.routerId),
      load: toLoad(router.load),
      sessions: router.sessions,
    })),
    beacons: message.routers.flatMap(({ beacon }) => (beacon ? [toBeacon(beacon)] : [])),
    sessions,
    revision,
    highestEpoch: toEpoch(message.highestEpoch),
    drainRemainingMs: message.drainRemainingMs,
  };
}

export function toBoot({ nodeId, bootId }: NodeLostMessage): Boot {
  return { nodeId: NodeId(nodeId), bootId: NodeId(bootId) };
}

function toBeacon({ ip, port, iceUsernameFragment, icePassword }: BeaconMessage): Beacon {
  if (isIP(ip) === 0 || port < 1 || port > 65_535) throw malformed('beacon address');
  if (iceUsernameFragment === '' || icePassword === '') throw malformed('beacon credentials');
  return {
    ip,
    port,
    usernameFragment: toText(iceUsernameFragment, 'beacon credentials'),
    password: toText(icePassword, 'beacon credentials'),
  };
}

/** Undefined for what is no change of a node's state, such as who speaks. */
export function toFact(message: FactMessage): Fact | undefined {
  const change = toChange(message.fact);
  if (!change) return undefined;
  const { nodeId, bootId, revision } = message;
  return { nodeId: NodeId(nodeId), bootId: NodeId(bootId), revision, change };
}

export function toNodeTruth(message: GetStateResponse): NodeTruth {
  const { nodeId, bootId, revision, sessions, streams, relays, ingests } = message;
  return {
    nodeId: NodeId(nodeId),
    bootId: NodeId(bootId),
    revision,
    sessions: sessions.map(toSession),
    streams: streams.map(toStream),
    relays: relays.map(toRelay),
    ingests: ingests.map(toRunningIngest),
  };
}

function toChange(fact: FactMessage['fact']): Change | undefined {
  switch (fact?.$case) {
    case 'sessionOpened':
    case 'sessionChanged':
      return { type: 'session kept', session: toSession(fact.value.session) };
    case 'sessionClosed': {
      const { sessionId } = required(fact.value.session, 'session');
      return { type: 'session closed', sessionId: SessionId(sessionId) };
    }
    case 'streamPublished':
    case 'streamChanged':
      return { type: 'stream kept', stream: toStream(fact.value.stream) };
    case 'streamEnded': {
      const { name, epoch } = fact.value;
      return { type: 'stream ended', name: toStreamName(name), epoch: toEpoch(epoch) };
    }
    case 'relayOpened':
      return { type: 'relay kept', relay: toRelay(fact.value.relay) };
    case 'relayClosed':
      return { type: 'relay closed', relay: toRelay(fact.value.relay) };
    case 'ingestChanged':
      return { type: 'ingest kept', ingest: toRunningIngest(fact.value.ingest) };
    case 'ingestStopped':
      return { type: 'ingest stopped', sessionId: SessionId(fact.value.sessionId) };
    case 'speakersChanged':
    case undefined:
      return undefined;
  }
}

function toSession(message: SessionRef | undefined): SessionRef {
  const session = required(message, 'session');
  SessionId(session.sessionId);
  RouterId(session.routerId);
  if (session.room !== '') parseName('room', session.room);
  toText(session.participant, 'participant');
  toText(session.username, 'username');
  toText(session.connectionId, 'connection id');
  return session;
}

function toStream(message: StreamState | undefined): Stream {
  const { name, epoch, sessionId, routerId, tracks } = required(message, 'stream');
  if (tracks.length > TRACKS_MAX) throw malformed('number of tracks');
  return {
    name: toStreamName(name),
    epoch: toEpoch(epoch),
    sessionId: SessionId(sessionId),
    routerId: RouterId(routerId),
    tracks,
  };
}

export function toRelay(message: RelayState | undefined): Relay {
  const { stream, epoch, from, to } = required(message, 'relay');
  return {
    stream: toStreamName(stream),
    epoch: toEpoch(epoch),
    from: toRouterRef(from),
    to: toRouterRef(to),
  };
}

/** Longer than any sealed URL. */
const SEALED_MAX_CHARACTERS = 4_096;

export function toIngestDefinition(message: IngestDefinitionMessage | undefined): IngestDefinition {
  const definition = required(message, 'ingest');
  const { ingestId, stream, sealedUrl } = definition;
  if (sealedUrl === '' || sealedUrl.length > SEALED_MAX_CHARACTERS) throw malformed('URL');
  return {
    ingestId: IngestId(ingestId),
    stream: toStreamName(stream),
    username: toText(definition.username, 'username'),
    sealedUrl,
    address: toText(definition.address, 'address'),
    onDemand: definition.onDemand,
    region: toText(definition.region, 'region'),
    configured: definition.configured,
  };
}

const INGEST_STATUSES = {
  [IngestStatus.INGEST_STATUS_CONNECTING]: 'connecting',
  [IngestStatus.INGEST_STATUS_RUNNING]: 'running',
  [IngestStatus.INGEST_STATUS_RESTING]: 'resting',
  [IngestStatus.INGEST_STATUS_FAILED]: 'failed',
} as const;

function toRunningIngest(message: IngestState | undefined): RunningIngest {
  const { definition, sessionId, routerId, status, reason, bitrateBps } = required(
    message,
    'ingest',
  );
  if (status === IngestStatus.INGEST_STATUS_UNSPECIFIED || status === IngestStatus.UNRECOGNIZED) {
    throw malformed('ingest status');
  }
  return {
    definition: toIngestDefinition(definition),
    sessionId: SessionId(sessionId),
    routerId: RouterId(routerId),
    status: INGEST_STATUSES[status],
    reason: toText(reason, 'reason'),
    bitrateBps,
  };
}

function toLoad(load: number): number {
  // A node that cannot tell its load is taken for full, never for idle.
  return Number.isFinite(load) ? Math.max(0, load) : 1;
}

function required<T>(message: T | undefined, noun: string): T {
  if (message === undefined) throw malformed(noun);
  return message;
}

function malformed(noun: string): SluiceError {
  return new SluiceError('INVALID_ARGUMENT', `malformed ${noun}`, { noun });
}
