import type {
  ClientMessageInput,
  ServerMessage,
  WireParticipant,
  WirePublisher,
  WireSubscriptionStats,
  WireUser,
} from '@sluice/protocol';

export type { WireParticipant, WireSubscriptionStats, WireUser };

export type ServerMessageOf<Type extends ServerMessage['type']> = Extract<
  ServerMessage,
  { type: Type }
>;
export type { ServerMessage };
export type ClientMessage = ClientMessageInput;

export type RoomState = Omit<ServerMessageOf<'room-joined'>, 'type' | 'id' | 'userId'>;
export type SubscribeOffer = ServerMessageOf<'subscribe-offer'>;

/** A stream that can be subscribed to. */
export type Publisher = Pick<WirePublisher, 'publisherId' | 'purpose' | 'username'>;
export type PublisherName = Pick<WirePublisher, 'publisherId' | 'purpose'>;

export interface Layers {
  readonly spatial: number;
  readonly temporal: number;
}

/** A message from the socket; undefined for anything that is not one. */
export function parseMessage(text: unknown): ServerMessage | undefined {
  if (typeof text !== 'string') return undefined;
  try {
    const message: unknown = JSON.parse(text);
    return isMessage(message) ? message : undefined;
  } catch {
    // Not JSON: nothing that could be answered.
    return undefined;
  }
}

/** The server is trusted to keep to its own schema; messages of unknown types are ignored later. */
function isMessage(message: unknown): message is ServerMessage {
  return (
    typeof message === 'object' &&
    message !== null &&
    typeof (message as { type?: unknown }).type === 'string'
  );
}
