import { toWireParticipant } from '@sluice/protocol';
import type {
  ServerMessage,
  ServerMessageOf,
  WirePublisher,
  WireTrack,
  WireUser,
} from '@sluice/protocol';
import { SluiceError } from '@sluice/core';
import type { PeerMessage, Speaker, Track } from '../ports.js';
import type { Participant, Publisher, RoomChange } from '../rooms/room-view.js';

export function toUser({ participant, username }: Participant): WireUser {
  return { userId: toWireParticipant(participant), username };
}

export function toTracks(tracks: readonly Track[]): WireTrack[] {
  return tracks.map(({ trackId, kind, paused, mimeType, label, protocol }) => ({
    ...{ trackId, kind, paused, mimeType },
    ...(label !== undefined && { label }),
    ...(protocol !== undefined && { protocol }),
  }));
}

export function toPublisher(publisher: Publisher): WirePublisher {
  return {
    publisherId: toWireParticipant(publisher.participant),
    username: publisher.username,
    purpose: publisher.purpose,
    tracks: toTracks(publisher.tracks),
  };
}

/** Who a change is about; undefined where it is about nobody in particular. */
export function participantOf(change: RoomChange): string | undefined {
  if ('participant' in change) return change.participant.participant;
  return 'publisher' in change ? change.publisher.participant : undefined;
}

export function changeMessage(roomName: string, change: RoomChange): ServerMessage {
  switch (change.kind) {
    case 'participantJoined':
      return { type: 'user-joined', roomName, user: toUser(change.participant) };
    case 'participantLeft': {
      const user = toUser(change.participant);
      return { type: 'user-left', roomName, userId: user.userId, user };
    }
    case 'publisherAdded':
      return { type: 'new-publisher', roomName, ...toPublisher(change.publisher) };
    case 'publisherChanged':
      return { type: 'publisher-changed', roomName, ...toPublisher(change.publisher) };
    case 'publisherRemoved': {
      const { publisherId, purpose } = toPublisher(change.publisher);
      return { type: 'publisher-left', roomName, publisherId, purpose };
    }
    case 'speakersChanged':
      return { type: 'active-speakers', roomName, speakers: change.speakers.map(toSpeaker) };
  }
}

function toSpeaker({ participant, volume }: Speaker): { userId: string | number; volume: number } {
  return { userId: toWireParticipant(participant), volume };
}

export function peerMessage(roomName: string, message: PeerMessage): ServerMessage {
  const { body } = message;
  const from = {
    roomName,
    fromUserId: toWireParticipant(message.from),
    username: message.fromUsername,
  };
  return body.kind === 'ice-candidate'
    ? { type: body.kind, ...from, ...body.candidate }
    : { type: body.kind, ...from, sdp: body.sdp };
}

/** What an error frame is about. */
export type ErrorSubject = Partial<
  Pick<ServerMessageOf<'error'>, 'id' | 'roomName' | 'publisherId' | 'purpose'>
>;

export function errorMessage(error: unknown, subject: ErrorSubject = {}): ServerMessage {
  const { code, message } = SluiceError.from(error);
  return { type: 'error', message, code, ...subject };
}
