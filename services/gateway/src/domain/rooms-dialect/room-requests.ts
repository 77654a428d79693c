import { SluiceError, hasCode } from '@sluice/core';
import { toWireParticipant } from '@sluice/protocol';
import type {
  ClientMessageOf,
  ClientMessageType,
  ServerMessage,
  WireSubscriptionStats,
} from '@sluice/protocol';
import { requireCandidate } from '../sessions/ice-candidate.js';
import { subscribeOffer, type Membership } from './membership.js';
import type { PeerMessage, RoomNews } from '../ports.js';
import type { Session } from '../sessions/session.js';
import { toTracks } from './wire.js';

/** Requests about a room that the connection is in already. */
export const IN_ROOM_TYPES = [
  'unpublish',
  'publish-ice-candidate',
  'subscribe-request',
  'subscribe-answer',
  'subscribe-ice-candidate',
  'unsubscribe',
  'set-layers',
  'restart-ice',
  'get-stats',
  'moved',
  'offer',
  'answer',
  'ice-candidate',
] as const satisfies readonly ClientMessageType[];
export type InRoomType = (typeof IN_ROOM_TYPES)[number];

/** A reply; undefined for `done`. */
export type Reply = ServerMessage | undefined;

type InRoomHandlers = {
  readonly [Type in InRoomType]: (
    request: ClientMessageOf<Type>,
    membership: Membership,
  ) => Promise<Reply> | Reply;
};

/** One handler for each request about a room; forgetting one is a compile error. */
export function inRoomHandlers(news: RoomNews): InRoomHandlers {
  return {
    unpublish,
    'publish-ice-candidate': publishIceCandidate,
    'subscribe-request': subscribe,
    'subscribe-answer': answerSubscription,
    'subscribe-ice-candidate': subscribeIceCandidate,
    unsubscribe,
    'set-layers': setLayers,
    'restart-ice': restartIce,
    'get-stats': getStats,
    moved: finishMove,
    offer: (request, membership) => passOn(news, request, membership),
    answer: (request, membership) => passOn(news, request, membership),
    'ice-candidate': (request, membership) => passOn(news, request, membership),
  };
}

/** The client's offer for what it publishes. */
export async function publish(
  request: ClientMessageOf<'publish-offer'>,
  { sessions }: Membership,
): Promise<Reply> {
  const { roomName, purpose, offer, scalabilityModes } = request;
  const { sdp, tracks } = await explained('SFU publish offer error: ', () =>
    sessions.forOffer(offer).publish(purpose, offer, scalabilityModes),
  );
  return { type: 'publish-answer', roomName, purpose, answer: sdp, tracks: toTracks(tracks) };
}

async function unpublish(
  { purpose }: ClientMessageOf<'unpublish'>,
  { sessions }: Membership,
): Promise<Reply> {
  const others = sessions.all.filter(({ publications }) => publications.has(purpose));
  const from = others.length > 0 ? others : [sessions.ready()];
  await Promise.all(from.map((session) => session.unpublish(purpose)));
  return undefined;
}

async function publishIceCandidate(
  { roomName, candidate }: ClientMessageOf<'publish-ice-candidate'>,
  { sessions, participant }: Membership,
): Promise<Reply> {
  requireCandidate(candidate);
  const session = sessions.all.find(({ publications }) => publications.size > 0);
  if (!session) {
    throw new SluiceError('NOT_FOUND', `Publisher transport not found for ${participant}`, {
      noun: 'transport',
    });
  }
  await addCandidate(session, candidate);
  return { type: 'publish-ice-candidate', roomName, candidate };
}

async function subscribe(
  request: ClientMessageOf<'subscribe-request'>,
  { sessions }: Membership,
): Promise<Reply> {
  const { roomName, publisherId, purpose, connection, overlap = false } = request;
  const subscription = { participant: publisherId, purpose, connection };
  const sdp = await explained('SFU subscribe request error: ', async () => {
    try {
      return await sessions.ready().subscribe(subscription, { overlap });
    } catch (error) {
      if (!hasCode(error, 'NOT_FOUND')) throw error;
      const message = `Publisher ${publisherId} not found in room ${roomName}`;
      throw new SluiceError('NOT_FOUND', message, error.details, { cause: error });
    }
  });
  return sdp === '' ? undefined : subscribeOffer(roomName, subscription, sdp);
}

async function answerSubscription(
  { publisherId, purpose, answer }: ClientMessageOf<'subscribe-answer'>,
  { sessions }: Membership,
): Promise<Reply> {
  await explained('SFU subscribe answer error: ', () =>
    sessions.forAnswer(answer, publisherId, purpose).answer(publisherId, purpose, answer),
  );
  return undefined;
}

async function subscribeIceCandidate(
  { roomName, publisherId, purpose, candidate }: ClientMessageOf<'subscribe-ice-candidate'>,
  { sessions }: Membership,
): Promise<Reply> {
  requireCandidate(candidate);
  await addCandidate(sessions.subscribedTo(publisherId, purpose), candidate);
  return {
    type: 'subscribe-ice-candidate',
    roomName,
    publisherId: toWireParticipant(publisherId),
    purpose,
    candidate,
  };
}

/** An empty one only says that there are no more. */
async function addCandidate({ node, sessionId }: Session, candidate: string): Promise<void> {
  if (candidate !== '') await node.addIceCandidate(sessionId, candidate);
}

async function unsubscribe(
  { publisherId, purpose }: ClientMessageOf<'unsubscribe'>,
  { sessions }: Membership,
): Promise<Reply> {
  const subscribed = sessions.all.filter((one) => one.isSubscribed(publisherId, purpose));
  const from = subscribed.length > 0 ? subscribed : [sessions.ready()];
  await Promise.all(from.map((session) => session.unsubscribe(publisherId, purpose)));
  return undefined;
}

async function setLayers(
  { publisherId, purpose, spatial, temporal, paused }: ClientMessageOf<'set-layers'>,
  { sessions }: Membership,
): Promise<Reply> {
  const session = sessions.subscribedTo(publisherId, purpose);
  await session.setLayers(publisherId, purpose, { spatial, temporal, paused });
  return undefined;
}

async function restartIce(
  { roomName, publisherId, purpose }: ClientMessageOf<'restart-ice'>,
  { sessions }: Membership,
): Promise<Reply> {
  if (publisherId === undefined) {
    const { node, sessionId } = sessions.publishing(purpose);
    await node.restartPublishing(sessionId, purpose);
    return undefined;
  }
  const session = sessions.subscribedTo(publisherId, purpose);
  const sdp = await session.restartSubscribing(publisherId, purpose);
  if (sdp === '') return undefined;
  return subscribeOffer(roomName, session.subscriptionTo(publisherId, purpose), sdp);
}

function finishMove(_request: ClientMessageOf<'moved'>, { sessions }: Membership): Reply {
  sessions.finishMove();
  return undefined;
}

async function getStats(
  { roomName }: ClientMessageOf<'get-stats'>,
  { sessions }: Membership,
): Promise<Reply> {
  const session = sessions.ready();
  const stats = await session.node.statsOf(session.sessionId);
  const subscriptions = stats.map(
    ({ participant, purpose, path, tracks }): WireSubscriptionStats => ({
      publisherId: toWireParticipant(participant),
      purpose,
      path,
      tracks,
    }),
  );
  return { type: 'stats', roomName, node: session.home.nodeId, subscriptions };
}

function passOn(
  news: RoomNews,
  request: ClientMessageOf<'offer' | 'answer' | 'ice-candidate'>,
  membership: Membership,
): Reply {
  if (!membership.hasParticipant(request.targetUserId)) {
    throw new SluiceError('NOT_FOUND', `User ${request.targetUserId} not found in room`, {
      noun: 'participant',
    });
  }
  news.sendToPeer(request.roomName, {
    from: membership.participant,
    fromUsername: membership.username,
    to: request.targetUserId,
    body: bodyOf(request),
  });
  return undefined;
}

function bodyOf(
  request: ClientMessageOf<'offer' | 'answer' | 'ice-candidate'>,
): PeerMessage['body'] {
  if (request.type !== 'ice-candidate') return { kind: request.type, sdp: request.sdp };
  const { candidate, sdpMid, sdpMLineIndex } = request;
  return {
    kind: request.type,
    candidate: {
      candidate,
      ...(sdpMid == null ? {} : { sdpMid }),
      ...(sdpMLineIndex == null ? {} : { sdpMLineIndex }),
    },
  };
}

/** Puts the words before an error by which clients of the original know what failed. */
async function explained<T>(prefix: string, task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    const { code, message, details } = SluiceError.from(error);
    throw new SluiceError(code, prefix + message, details, { cause: error });
  }
}
