import {
  UmbrellaMessage as Message,
  UmbrellaTrackKind,
  type UmbrellaTrack as TrackMessage,
} from '@sluice/proto-gen/umbrella';
import { SluiceError } from '@sluice/core';
import type { UmbrellaMessage, UmbrellaTrack } from '../domain/umbrella/messages.js';
import { HOPS_MAX, isClusterId, isUmbrellaId } from '../domain/umbrella/track-names.js';

/** Tracks and mappings that one message may list. */
const LIST_MAX = 128;
const MID_MAX_CHARACTERS = 64;
const SDP_ID_MAX_CHARACTERS = 512;

/**
 * Reads a frame.
 *
 * @throws {SluiceError} INVALID_ARGUMENT, TOO_LARGE
 */
export function decodeUmbrella(frame: Uint8Array): UmbrellaMessage {
  const message = decoded(frame);
  const { candidate, offer, answer, upstreamTracks, acceptTracks, midMappings } = message;
  const { hello, demand, problem } = message;
  return {
    ...(candidate && { candidate }),
    ...(offer && { offer: offer.offer }),
    ...(answer && { answer: answer.answer }),
    ...(upstreamTracks && { upstreamTracks: tracksIn(upstreamTracks.tracks) }),
    ...(acceptTracks && { acceptTracks: tracksIn(acceptTracks.tracks) }),
    ...(midMappings && { midMappings: bounded(midMappings.mapping).filter(isMapping) }),
    ...(hello && { hello }),
    ...(demand && { unwanted: bounded(demand.unwantedUmbrellaIds).filter(isUmbrellaId) }),
    ...(problem && { problem }),
  };
}

export function encodeUmbrella(message: UmbrellaMessage): Uint8Array {
  const { candidate, offer, answer, upstreamTracks, acceptTracks, midMappings } = message;
  const { hello, unwanted, problem } = message;
  return Message.encode({
    candidate,
    offer: offer === undefined ? undefined : { offer },
    answer: answer === undefined ? undefined : { answer },
    upstreamTracks: upstreamTracks && { tracks: upstreamTracks.map(toTrack) },
    acceptTracks: acceptTracks && { tracks: acceptTracks.map(toTrack) },
    midMappings: midMappings && { mapping: midMappings.map((mapping) => ({ ...mapping })) },
    hello,
    demand: unwanted && { unwantedUmbrellaIds: [...unwanted] },
    problem,
  }).finish();
}

function decoded(frame: Uint8Array): Message {
  try {
    return Message.decode(frame);
  } catch (cause) {
    throw new SluiceError('INVALID_ARGUMENT', 'frame is not a RemoteNodeMessage', {}, { cause });
  }
}

export function toTrack({ kind, path, ...track }: UmbrellaTrack): TrackMessage {
  return { ...track, kind: KINDS[kind], path: [...path] };
}

/** Of a gateway of ours, which has checked it. */
export function fromTrack({ id, streamId, umbrellaId, kind, path }: TrackMessage): UmbrellaTrack {
  return { id, streamId, umbrellaId, path, kind: kindOf(kind) };
}

const KINDS = {
  unknown: UmbrellaTrackKind.UMBRELLA_TRACK_KIND_UNSPECIFIED,
  audio: UmbrellaTrackKind.UMBRELLA_TRACK_KIND_AUDIO,
  video: UmbrellaTrackKind.UMBRELLA_TRACK_KIND_VIDEO,
} as const;

/** Those whose names we could use; the others are not there for us. */
function tracksIn(tracks: readonly TrackMessage[]): UmbrellaTrack[] {
  return bounded(tracks).flatMap(({ id, streamId, umbrellaId, kind, path }) => {
    const usable =
      isUmbrellaId(umbrellaId) &&
      id.length <= SDP_ID_MAX_CHARACTERS &&
      streamId.length <= SDP_ID_MAX_CHARACTERS &&
      path.length <= HOPS_MAX + 1 &&
      path.every(isClusterId);
    return usable ? [{ id, streamId, umbrellaId, path, kind: kindOf(kind) }] : [];
  });
}

function kindOf(kind: UmbrellaTrackKind): UmbrellaTrack['kind'] {
  if (kind === UmbrellaTrackKind.UMBRELLA_TRACK_KIND_AUDIO) return 'audio';
  return kind === UmbrellaTrackKind.UMBRELLA_TRACK_KIND_VIDEO ? 'video' : 'unknown';
}

function isMapping({ mid, umbrellaId }: { mid: string; umbrellaId: string }): boolean {
  return mid.length <= MID_MAX_CHARACTERS && isUmbrellaId(umbrellaId);
}

function bounded<T>(list: readonly T[]): readonly T[] {
  if (list.length <= LIST_MAX) return list;
  throw new SluiceError('TOO_LARGE', `a message may list ${LIST_MAX} items`);
}
