import { ERRORS, SluiceError, type ErrorCode } from '@sluice/core';
import {
  IngestStatus,
  NodeState,
  TrackKind,
  type Track as TrackMessage,
} from '@sluice/proto-gen/common';
import type { SessionRef, StreamState } from '@sluice/proto-gen/common';
import type {
  ChannelOpened,
  Failed,
  SessionEvent,
  SubscriptionOffered,
  SubscriptionRef,
} from '@sluice/proto-gen/media_node';
import type { IngestView as IngestMessage } from '@sluice/proto-gen/stream_directory';
import type {
  IngestView,
  RoomSession,
  RoomStream,
  SessionNotice,
  Subscription,
  Track,
} from '../domain/ports.js';

export function toTrack(message: TrackMessage): Track {
  const { trackId, kind, paused, mimeType, label, protocol } = message;
  const channel = { ...(label !== undefined && { label }), ...(protocol && { protocol }) };
  return { trackId, kind: toTrackKind(kind), paused, mimeType, ...channel };
}

function toTrackKind(kind: TrackKind): Track['kind'] {
  return kind === TrackKind.TRACK_KIND_DATA ? 'data' : toKind(kind);
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

function toOffered({ subscription: ref, sdp }: SubscriptionOffered): SessionNotice | undefined {
  const subscription = toSubscription(ref);
  if (subscription) return { kind: 'offered', subscription, sdp };
  const connection = ref?.connection ?? '';
  return connection === '' ? undefined : { kind: 'connectionOffered', connection, sdp };
}

function toChannelOpened(message: ChannelOpened): SessionNotice | undefined {
  const { trackId, streamId } = message;
  const subscription = toSubscription(message.subscription);
  return subscription && { kind: 'channelOpened', subscription, trackId, streamId };
}

function toFailed({ stream, trackId, code, message }: Failed): SessionNotice | undefined {
  if (!stream) return undefined;
  const { participant, purpose } = stream;
  const error = new SluiceError(toErrorCode(code), message);
  return { kind: 'failed', participant, purpose, trackId, error };
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
    case 'subscriptionOffered':
      return toOffered(event.value);
    case 'subscriptionEnded': {
      const subscription = toSubscription(event.value.subscription);
      const { reason } = event.value;
      return subscription && { kind: 'subscriptionEnded', subscription, reason };
    }
    case 'demandChanged':
      return { kind: 'demandChanged', ...event.value };
    case 'trackRefused': {
      const { trackId, mimeType } = event.value;
      const subscription = toSubscription(event.value.subscription);
      return subscription && { kind: 'trackRefused', subscription, trackId, mimeType };
    }
    case 'channelOpened':
      return toChannelOpened(event.value);
    case 'failed':
      return toFailed(event.value);
    case 'move':
      return { kind: 'move', ...event.value };
    case 'ended':
      return { kind: 'ended', reason: event.value.reason };
    case undefined:
      return undefined;
  }
}

function toErrorCode(code: string): ErrorCode {
  return Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'INTERNAL';
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
