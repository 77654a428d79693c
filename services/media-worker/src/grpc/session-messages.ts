import { DEFAULT_PURPOSE, SessionId, SluiceError, parseName, type StreamName } from '@sluice/core';
import type {
  NegotiateRequest,
  OpenDataChannelClientRequest,
  OpenSessionRequest,
  SessionEvent as Message,
} from '@sluice/proto-gen/media_node';
import type { DataChannelClientProfile } from '../domain/sfu-to-sfu/client-sessions.js';
import type { SessionEvent, SubscriptionRef } from '../domain/sessions/session-events.js';
import type { SessionProfile } from '../domain/sessions/session-profile.js';

/** Largest SDP, in UTF-16 code units; the negotiation has bounds of its own below it. */
const SDP_MAX_CHARACTERS = 256 * 1024;
const CANDIDATE_MAX_CHARACTERS = 4 * 1024;
const TEXT_MAX_CHARACTERS = 256;
/** As many as a PeerConnection may have m-lines. */
const PURPOSES_MAX = 256;

/** Of one session, whatever a gateway asks for. */
const PUBLICATIONS_MAX = 256;

/** @throws {SluiceError} INVALID_ARGUMENT. */
export function toProfile(request: OpenSessionRequest): SessionProfile {
  return {
    sessionId: SessionId(request.sessionId),
    room: parseName('room', request.room),
    participant: parseName('participant', request.participant),
    username: boundedText('username', request.username),
    connectionId: boundedText('connection_id', request.connectionId),
    grants: {
      publish: request.grants?.publish ?? false,
      subscribe: request.grants?.subscribe ?? false,
    },
    unattended: request.unattended,
    dials: request.dials,
    tellsDemand: request.tellsDemand,
    ...(request.publicationsMax > 0 && {
      publicationsMax: Math.min(request.publicationsMax, PUBLICATIONS_MAX),
    }),
    ...(request.replacesSessionId !== undefined && {
      replacesSessionId: SessionId(request.replacesSessionId),
    }),
  };
}

/** @throws {SluiceError} INVALID_ARGUMENT. */
export function toClientProfile(request: OpenDataChannelClientRequest): DataChannelClientProfile {
  return {
    clientId: boundedText('client_id', request.clientId),
    connectionId: boundedText('connection_id', request.connectionId),
    identity: {
      room: parseName('room', request.room),
      subject: parseName('participant', request.participant),
      name: boundedText('username', request.username),
    },
    grants: {
      publish: request.grants?.publish ?? false,
      subscribe: request.grants?.subscribe ?? false,
    },
    validMs: request.validMs,
    mayOpenRooms:
      !request.roomsNeedCreator ||
      request.grants?.create === true ||
      request.grants?.admin === true,
  };
}

/** The stream that a request of a session in `room` names. */
export function toStreamName(
  room: string,
  { participant, purpose }: { participant: string; purpose: string },
): StreamName {
  return {
    room,
    participant: parseName('participant', participant),
    purpose: parseName('purpose', purpose),
  };
}

/**
 * The purpose of each m-line.
 *
 * @throws {SluiceError} INVALID_ARGUMENT.
 */
export function toPurposes({ purpose, purposes }: NegotiateRequest): (mid: string) => string {
  if (purposes.length > PURPOSES_MAX) throw new SluiceError('TOO_LARGE', 'too many purposes');
  const byMid = new Map(
    purposes.map((entry) => [entry.mid, parseName('purpose', entry.purpose)] as const),
  );
  const rest = parseName('purpose', purpose === '' ? DEFAULT_PURPOSE : purpose);
  return (mid) => byMid.get(mid) ?? rest;
}

/** @throws {SluiceError} INVALID_ARGUMENT or TOO_LARGE. */
export function connectionKey(key: string): string {
  if (key === '') throw new SluiceError('INVALID_ARGUMENT', 'the connection is missing');
  return boundedText('connection', key);
}

export function boundedSdp(sdp: string): string {
  return bounded('sdp', sdp, SDP_MAX_CHARACTERS);
}

export function boundedCandidate(candidate: string): string {
  return bounded('candidate', candidate, CANDIDATE_MAX_CHARACTERS);
}

export function boundedText(noun: string, text: string): string {
  return bounded(noun, text, TEXT_MAX_CHARACTERS);
}

function bounded(noun: string, text: string, maxCharacters: number): string {
  if (text.length <= maxCharacters) return text;
  throw new SluiceError('TOO_LARGE', `the ${noun} is too long`, { noun });
}

export function fromSessionEvent(event: SessionEvent): Message {
  switch (event.type) {
    case 'snapshot': {
      const publications = event.publications.map((purpose) => ({ purpose }));
      const subscriptions = event.subscriptions.map(fromRef);
      return { event: { $case: 'snapshot', value: { publications, subscriptions } } };
    }
    case 'subscriptionOffered': {
      const { sdp } = event;
      const { stream, connection } = event.subscription;
      const subscription = { ...(stream && { stream: { ...stream } }), connection };
      return { event: { $case: 'subscriptionOffered', value: { subscription, sdp } } };
    }
    case 'subscriptionEnded': {
      const { reason } = event;
      const subscription = fromRef(event.subscription);
      return { event: { $case: 'subscriptionEnded', value: { subscription, reason } } };
    }
    case 'trackRefused': {
      const { trackId, mimeType } = event;
      const subscription = fromRef(event.subscription);
      return { event: { $case: 'trackRefused', value: { subscription, trackId, mimeType } } };
    }
    case 'channelOpened': {
      const { trackId, streamId } = event;
      const subscription = fromRef(event.subscription);
      return { event: { $case: 'channelOpened', value: { subscription, trackId, streamId } } };
    }
    case 'failed': {
      const { stream, trackId } = event;
      const { code, message } = event.error;
      const value = {
        stream: { ...stream },
        ...(trackId !== undefined && { trackId }),
        code,
        message,
      };
      return { event: { $case: 'failed', value } };
    }
    case 'demandChanged': {
      const { purpose, wanted } = event;
      return { event: { $case: 'demandChanged', value: { purpose, wanted } } };
    }
    case 'move': {
      const { reason, deadlineMs } = event;
      return { event: { $case: 'move', value: { reason, deadlineMs } } };
    }
    case 'ended':
      return { event: { $case: 'ended', value: { reason: event.reason } } };
  }
}

function fromRef({ stream, connection }: SubscriptionRef) {
  return { stream: { ...stream }, connection };
}
