import {
  CAMERA,
  SCREEN,
  streamKey,
  type Quality,
  type RemoteStream,
  type StreamKey,
} from '../client/index.js';

/** One picture on the stage: a stream, or a participant who sends none. */
export interface Tile {
  readonly key: StreamKey;
  readonly participantId: string;
  readonly username: string;
  readonly purpose: string;
  readonly own: boolean;
  readonly media: MediaStream | undefined;
  readonly hasVideo: boolean;
  readonly hasAudio: boolean;
  readonly quality: Quality;
}

interface Cast {
  readonly self: { readonly id: string; readonly name: string };
  readonly ownCamera: MediaStream | undefined;
  readonly ownScreen: MediaStream | undefined;
  readonly ownAudio: boolean;
  readonly participants: readonly { readonly id: string; readonly name: string }[];
  readonly streams: readonly Pick<
    RemoteStream,
    'key' | 'name' | 'username' | 'media' | 'quality'
  >[];
}

/** Everybody and everything to show: others first, oneself last. */
export function tilesOf(cast: Cast): readonly Tile[] {
  const streams = cast.streams.map(tileOfStream);
  const sending = new Set(streams.map(({ participantId }) => participantId));
  const silent = cast.participants
    .filter(({ id }) => !sending.has(id) && id !== cast.self.id)
    .map(({ id, name }) => bareTile(id, name, CAMERA));
  return [...streams, ...silent, ...ownTiles(cast)];
}

function tileOfStream({ key, name, username, media, quality }: Cast['streams'][number]): Tile {
  return {
    key,
    participantId: String(name.publisherId),
    username,
    purpose: name.purpose,
    own: false,
    media,
    hasVideo: media.getVideoTracks().length > 0,
    hasAudio: media.getAudioTracks().length > 0,
    quality,
  };
}

function ownTiles({ self, ownCamera, ownScreen, ownAudio }: Cast): readonly Tile[] {
  const own = (purpose: string, media: MediaStream | undefined): Tile => ({
    ...bareTile(self.id, self.name, purpose),
    own: true,
    media,
    hasVideo: media !== undefined,
  });
  const camera = { ...own(CAMERA, ownCamera), hasAudio: ownAudio };
  return ownScreen ? [own(SCREEN, ownScreen), camera] : [camera];
}

function bareTile(participantId: string, username: string, purpose: string): Tile {
  return {
    key: streamKey(participantId, purpose),
    participantId,
    username,
    purpose,
    own: false,
    media: undefined,
    hasVideo: false,
    hasAudio: false,
    quality: 'auto',
  };
}
