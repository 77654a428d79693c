import { createHmac } from 'node:crypto';

/** Characters of a cluster's id. */
const CLUSTER_ID_CHARACTERS = 8;
const OWN_ID_CHARACTERS = 22;
const CAMERA_NAME_CHARACTERS = 12;
/** Clusters that a track may pass: rings end by their ids, this ends what has none. */
export const HOPS_MAX = 6;
/** Room for it beside a path in a purpose. */
const UMBRELLA_ID_MAX_CHARACTERS = 64;
const UMBRELLA_ID = /^[\x21-\x7e]+$/;
const CLUSTER_ID = /^[A-Za-z0-9_-]{8}$/;
const PARTICIPANT_PREFIX = 'umbrella-';
const PURPOSE = /^umbrella:([A-Za-z0-9_+-]*):([\x21-\x7e]+)$/;

/** A track that came over a link: what its stream's name tells every gateway of the cluster. */
export interface ImportedTrack {
  readonly umbrellaId: string;
  readonly path: readonly string[];
}

/** Names tracks across clusters: the same track has the same umbrella id wherever it is. */
export class TrackNames {
  /** Tells this cluster from others in tracks' paths, and nothing about its secret. */
  readonly clusterId: string;

  constructor(private readonly clusterSecret: string) {
    this.clusterId = this.#digest('umbrella cluster').slice(0, CLUSTER_ID_CHARACTERS);
  }

  /** Of a track that was published here. */
  ownId(stream: readonly [room: string, participant: string, purpose: string], track: string) {
    return this.#digest(['umbrella track', ...stream, track].join('\n')).slice(
      0,
      OWN_ID_CHARACTERS,
    );
  }

  /** Of a camera's URL, which nobody learns by it. */
  cameraName(url: string): string {
    return this.#digest(`umbrella camera\n${url}`).slice(0, CAMERA_NAME_CHARACTERS);
  }

  #digest(text: string): string {
    return createHmac('sha256', this.clusterSecret).update(text).digest('base64url');
  }
}

export function isUmbrellaId(text: string): boolean {
  return text.length <= UMBRELLA_ID_MAX_CHARACTERS && UMBRELLA_ID.test(text);
}

export function isClusterId(text: string): boolean {
  return CLUSTER_ID.test(text);
}

/** The participant as which a peer's tracks are published. */
export function participantOfPeer(subject: string): string {
  return `${PARTICIPANT_PREFIX}${subject}`.slice(0, 128);
}

/** The purpose of the stream that such a track becomes. */
export function purposeOf({ umbrellaId, path }: ImportedTrack): string {
  return `umbrella:${path.join('+')}:${umbrellaId}`;
}

/** Undefined for a stream that did not come over a link. */
export function importedTrack(participant: string, purpose: string): ImportedTrack | undefined {
  if (!participant.startsWith(PARTICIPANT_PREFIX)) return undefined;
  const [, path, umbrellaId] = PURPOSE.exec(purpose) ?? [];
  if (path === undefined || umbrellaId === undefined) return undefined;
  return { umbrellaId, path: path === '' ? [] : path.split('+') };
}
