import { sdpStreamId } from '@sluice/core';
import type { Publisher, RoomView } from '../rooms/room-view.js';
import type { UmbrellaTrack } from './messages.js';
import { importedTrack, type TrackNames } from './track-names.js';

/** A stream of the room with its tracks as peers are told of them. */
export interface RoomTracks {
  readonly publisher: Publisher;
  readonly tracks: readonly UmbrellaTrack[];
}

/** All streams of a room but those of `participant`. */
export function roomTracks(
  names: TrackNames,
  roomName: string,
  view: RoomView,
  participant: string,
): readonly RoomTracks[] {
  return view.publishers
    .filter((publisher) => publisher.participant !== participant)
    .map((publisher) => ({ publisher, tracks: tracksOf(names, roomName, publisher) }));
}

function tracksOf(names: TrackNames, roomName: string, publisher: Publisher): UmbrellaTrack[] {
  const { participant, purpose } = publisher;
  const imported = importedTrack(participant, purpose);
  const streamId = sdpStreamId({ room: roomName, participant, purpose });
  return publisher.tracks.flatMap(({ trackId, kind }) =>
    kind === 'data'
      ? []
      : {
          id: trackId,
          kind,
          streamId,
          umbrellaId:
            imported?.umbrellaId ?? names.ownId([roomName, participant, purpose], trackId),
          path: [...(imported?.path ?? []), names.clusterId],
        },
  );
}
