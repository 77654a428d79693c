import {
  IngestStatus,
  NodeState,
  TrackKind,
  type Track as TrackMessage,
} from '@sluice/proto-gen/common';
import type { SessionRef, StreamState } from '@sluice/proto-gen/common';
import type { SessionEvent, SubscriptionRef } from '@sluice/proto-gen/media_node';
import type { IngestView as IngestMessage } from '@sluice/proto-gen/stream_directory';
import type {
  IngestView,
  RoomSession,
  RoomStream,
  SessionNotice,
  Subscription,
  Track,
} from '../domain/ports.js';

export function toTrack({ trackId, kind, paused, mimeType }: TrackMessage): Track {
  return { trackId, kind: toKind(kind), paused, mimeType };
}

export function toKind(kind: TrackKind): 'audio' | 'video' {
  return kind === TrackKind.TRACK_KIND_AUDIO ? 'audio' : 'video';
}

export function fromKind(kind: 'audio' | 'video' | undefined): TrackKind {
  if (kind === undefined) return TrackKind.TRACK_KIND_UNSPECIFIED;
  return kind === 'audio' ? TrackKind.TRACK_KIND_AUDIO : TrackKind.TRACK_KIND_VIDEO;
}

export function toNodeState(state: NodeState): 'serving' | 'draining' | 'unknown' {
  if (state === NodeState.NODE_STATE_SERVING) return 'serving';
  return state === NodeState.NODE_STATE_DRAINING ? 'draining' : 'unknown';
}

export function toRoomSession(session: SessionRef): RoomSession {
  const { sessionId, participant, username, present } = session;
  return { sessionId, participant, username, present };
}

/** Undefined for a message without a name, which no sender of ours makes. */
export function toRoomStream(
  stream: StreamState | undefined,
  username?: string,
): RoomStream | undefined {
  if (!stream?.name) return undefined;
  const { participant, purpose } = stream.name;
  const { epoch, sessionId } = stream;
  const tracks = stream.tracks.map(toTrack);
  return { participant, purpose, username, epoch, sessionId, tracks };
}

function toSubscription(ref: SubscriptionRef | undefined): Subscription | undefined {
  if (!ref?.stream) return undefined;
  const { participant, purpose } = ref.stream;
  return { participant, purpose, connection: ref.connection === '' ? undefined : ref.connection };
}

/** Undefined for an event of a newer node, which this gateway does not know. */
export function toNotice({ event }: SessionEvent): SessionNotice | undefined {
  switch (event?.$case) {
    case 'snapshot':
      return {
        kind: 'snapshot',
        publications: event.value.publications.map(({ purpose }) => purpose),
        subscriptions: event.value.subscriptions.map(toSubscription).filter((ref) => !!ref),
      };
    case 'subscriptionOffered': {
      const { sdp } = event.value;
      const subscription = toSubscription(event.value.subscription);
      if (subscription) return { kind: 'offered', subscription, sdp };
      const connection = event.value.subscription?.connection ?? '';
      return connection === '' ? undefined : { kind: 'connectionOffered', connection, sdp };
    }
    case 'subscriptionEnded': {
      const subscription = toSubscription(event.value.subscription);
      const { reason } = event.value;
      return subscription && { kind: 'subscriptionEnded', subscription, reason };
    }
    case 'trackRefused': {
      const { trackId, mimeType } = event.value;
      const subscription = toSubscription(event.value.subscription);
      return subscription && { kind: 'trackRefused', subscription, trackId, mimeType };
    }
    case 'move':
      return { kind: 'move', ...event.value };
    case 'ended':
      return { kind: 'ended', reason: event.value.reason };
    case undefined:
      return undefined;
  }
}

const INGEST_STATES = {
  [IngestStatus.INGEST_STATUS_CONNECTING]: 'connecting',
  [IngestStatus.INGEST_STATUS_RUNNING]: 'running',
  [IngestStatus.INGEST_STATUS_RESTING]: 'resting',
  [IngestStatus.INGEST_STATUS_FAILED]: 'failed',
} as const;

export function toIngest(message: IngestMessage): IngestView | undefined {
  const { definition, nodeId, status, reason, bitrateBps } = message;
  if (!definition?.stream) return undefined;
  const { stream, ingestId, username, address, onDemand, region, configured } = definition;
  const known =
    status !== IngestStatus.INGEST_STATUS_UNSPECIFIED && status !== IngestStatus.UNRECOGNIZED;
  return {
    ...stream,
    ingestId,
    username,
    address,
    onDemand,
    region,
    configured,
    nodeId,
    state: known ? INGEST_STATES[status] : 'connecting',
    reason,
    bitrateBps,
  };
}
