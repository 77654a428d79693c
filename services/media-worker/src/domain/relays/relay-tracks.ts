import type { PipeTransport, Producer, RtpParameters } from 'mediasoup/types';
import { SluiceError } from '@sluice/core';
import { TrackKind, type Track } from '@sluice/proto-gen/common';
import type { RelayTrack } from '@sluice/proto-gen/media_node';
import type { StreamCopy } from '../streams/stream-copy.js';

interface EdgeTrack {
  readonly producer: Producer;
  readonly rtpParametersJson: string;
  readonly transport: PipeTransport;
}

/**
 * Several viewers who come at once need one keyframe, and so do several edges: shorter than anybody
 * notices, since delays add up along a relay tree.
 */
const KEY_FRAME_REQUEST_DELAY_MS = 200;
const MAX_TRACKS = 64;

/** How the tracks of another parent take over from those of the last. */
export interface TakeOver {
  /** Resolves when these new producers can do what the old ones do. */
  readonly steady: (producers: readonly Producer[]) => Promise<void>;
  /** Just before the copy gets its new tracks. */
  readonly begin: () => void;
  /** What is no longer in use but may still feed somebody; it is the callee's to close. */
  readonly retire: (producers: readonly Producer[]) => void;
}

const AT_ONCE: TakeOver = {
  steady: () => Promise.resolve(),
  begin: () => undefined,
  retire: (producers) => {
    for (const producer of producers) producer.close();
  },
};
const RTP_PARAMETERS_MAX_CHARACTERS = 65_536;

/** An edge's producers, kept equal to what the parent says flows. */
export class RelayTracks {
  readonly #tracks = new Map<string, EdgeTrack>();

  constructor(private readonly copy: StreamCopy) {}

  /**
   * Makes, replaces, pauses and closes producers. A track of the same name that comes from another
   * consumer or over another pipe takes the place of its predecessor, all in one moment.
   *
   * @throws {SluiceError} INVALID_ARGUMENT for what no parent sends; mediasoup's own errors.
   */
  async apply(
    tracks: readonly RelayTrack[],
    transport: PipeTransport,
    takeOver: TakeOver = AT_ONCE,
  ): Promise<void> {
    const listed = checked(tracks);
    const made = new Map<string, EdgeTrack>();
    try {
      for (const [track, json] of listed) {
        const known = this.#tracks.get(track.trackId);
        const same =
          known?.rtpParametersJson === json &&
          known.transport === transport &&
          !known.producer.closed;
        if (same) await setPaused(known.producer, track.paused);
        else made.set(track.trackId, await produce(track, json, transport));
      }
      const producers = [...made.values()].map(({ producer }) => producer);
      if (producers.length > 0) await takeOver.steady(producers);
      if (this.copy.closed || producers.some(({ closed }) => closed)) {
        throw new SluiceError('UNAVAILABLE', 'the copy or the pipe closed meanwhile');
      }
    } catch (error) {
      for (const { producer } of made.values()) producer.close();
      throw error;
    }
    takeOver.begin();
    const names = new Set(listed.map(([{ trackId }]) => trackId));
    takeOver.retire([...this.#remove(names), ...this.#replace(made)]);
  }

  /** Ends them all; the pipe may go on with other streams. */
  close(): void {
    for (const { producer } of this.#tracks.values()) producer.close();
    this.#tracks.clear();
  }

  #replace(made: ReadonlyMap<string, EdgeTrack>): Producer[] {
    return [...made].flatMap(([trackId, track]) => {
      const before = this.#tracks.get(trackId);
      this.#tracks.set(trackId, track);
      this.copy.keepTrack({ trackId, producer: track.producer });
      return before ? [before.producer] : [];
    });
  }

  #remove(names: ReadonlySet<string>): Producer[] {
    return [...this.#tracks].flatMap(([trackId, { producer }]) => {
      if (names.has(trackId)) return [];
      this.#tracks.delete(trackId);
      this.copy.removeTrack(trackId, producer.id);
      return [producer];
    });
  }
}

/** @throws {SluiceError} INVALID_ARGUMENT for a list that names nothing, or one thing twice. */
function checked(tracks: readonly RelayTrack[]): readonly (readonly [Track, string])[] {
  if (tracks.length > MAX_TRACKS) throw invalid('too many tracks');
  const names = new Set<string>();
  return tracks.map(({ track, rtpParametersJson }) => {
    if (!track) throw invalid('a track without a name');
    if (names.has(track.trackId)) throw invalid('two tracks of one name');
    names.add(track.trackId);
    return [track, rtpParametersJson] as const;
  });
}

async function produce(track: Track, json: string, transport: PipeTransport): Promise<EdgeTrack> {
  const producer = await transport.produce({
    kind: kindOf(track),
    rtpParameters: parseRtpParameters(json),
    paused: track.paused,
    keyFrameRequestDelay: KEY_FRAME_REQUEST_DELAY_MS,
  });
  return { producer, rtpParametersJson: json, transport };
}

async function setPaused(producer: Producer, paused: boolean): Promise<void> {
  if (producer.paused === paused) return;
  await (paused ? producer.pause() : producer.resume());
}

function kindOf({ kind }: Track): 'audio' | 'video' {
  if (kind === TrackKind.TRACK_KIND_AUDIO) return 'audio';
  if (kind === TrackKind.TRACK_KIND_VIDEO) return 'video';
  throw invalid('a track of unknown kind');
}

/** `produce()` checks every field; here only that it is an object of sane size. */
function parseRtpParameters(json: string): RtpParameters {
  if (json.length > RTP_PARAMETERS_MAX_CHARACTERS) throw invalid('RTP parameters too large');
  const parsed = parseJson(json);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw invalid('RTP parameters are no object');
  }
  return parsed as RtpParameters;
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new SluiceError('INVALID_ARGUMENT', 'malformed RTP parameters', {}, { cause: error });
  }
}

function invalid(problem: string): SluiceError {
  return new SluiceError('INVALID_ARGUMENT', problem);
}
