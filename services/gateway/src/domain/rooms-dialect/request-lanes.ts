import type { ClientMessage, ClientMessageOf, ClientMessageType } from '@sluice/protocol';
import { ALONE, type Lane } from './request-queue.js';

/** What the lane of a request depends on. */
export interface RoomMemory {
  isMember(roomName: string): boolean;
  /** The shared connection of a subscription that is there already. */
  connectionOf(roomName: string, publisher: string, purpose: string): string | undefined;
}

/**
 * Which requests must follow each other: those that change which rooms one is in, those of one
 * publishing connection, those of one subscribing connection, those to one peer.
 */
export function laneOf(message: ClientMessage, memory: RoomMemory): Lane {
  // The mapped type guarantees the pair matches; TypeScript cannot correlate the two unions.
  const lane = LANES[message.type] as (message: ClientMessage, memory: RoomMemory) => Lane;
  return lane(message, memory);
}

const LANES: {
  readonly [Type in ClientMessageType]: (
    message: ClientMessageOf<Type>,
    memory: RoomMemory,
  ) => Lane;
} = {
  auth: () => ALONE,
  resume: () => ALONE,
  'join-room': () => ALONE,
  'leave-room': () => ALONE,
  // The first one may join.
  'publish-offer': (offer, memory) => (memory.isMember(offer.roomName) ? publishing(offer) : ALONE),
  unpublish: publishing,
  'publish-ice-candidate': publishing,
  'subscribe-request': (request, memory) =>
    request.connection === undefined
      ? subscribing(request, memory)
      : `connection ${request.roomName}\n${request.connection}`,
  'subscribe-answer': subscribing,
  'subscribe-ice-candidate': subscribing,
  unsubscribe: subscribing,
  'set-layers': subscribing,
  'restart-ice': ({ roomName, publisherId, purpose }, memory) =>
    publisherId === undefined
      ? publishing({ roomName })
      : subscribing({ roomName, publisherId, purpose }, memory),
  'get-stats': ({ roomName }) => `stats ${roomName}`,
  moved: ({ roomName }) => `moved ${roomName}`,
  offer: toPeer,
  answer: toPeer,
  'ice-candidate': toPeer,
};

function publishing({ roomName }: { readonly roomName: string }): Lane {
  return `publish ${roomName}`;
}

function toPeer(message: { readonly roomName: string; readonly targetUserId: string }): Lane {
  return `peer ${message.roomName}\n${message.targetUserId}`;
}

interface OfPublisher {
  readonly roomName: string;
  readonly publisherId: string;
  readonly purpose: string;
}

/** Subscriptions that share a PeerConnection are negotiated one after the other. */
function subscribing({ roomName, publisherId, purpose }: OfPublisher, memory: RoomMemory): Lane {
  const connection = memory.connectionOf(roomName, publisherId, purpose);
  return connection === undefined
    ? `subscribe ${roomName}\n${publisherId}\n${purpose}`
    : `connection ${roomName}\n${connection}`;
}
