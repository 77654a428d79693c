import { pairCodecs, readCodecs, type CodecPair } from './codecs.js';
import type { MediaKind } from './dictionaries.js';
import { readExtensions, type OfferedExtension } from './header-extensions.js';
import type { Mid, SdpLimits } from './negotiation-types.js';
import type { MediaSection, SessionDescription } from './session-description.js';
import { readSources, type Sources } from './sources.js';

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** An audio or video m-line of a client that is alive, read and checked. */
export interface OfferedMedia {
  readonly section: MediaSection;
  readonly mid: Mid;
  readonly kind: MediaKind;
  readonly sends: boolean;
  readonly receives: boolean;
  readonly codecs: readonly CodecPair[];
  readonly extensions: readonly OfferedExtension[];
  readonly sources: Sources;
  readonly reducedSizeRtcp: boolean;
  readonly streamId: string | undefined;
  readonly trackId: string | undefined;
}

const MSID = /^([!-~]{1,256})(?: ([!-~]{1,256}))?$/;

/** @throws {SdpError} MALFORMED, TOO_LARGE. */
export function readOfferedMedia(
  section: MediaSection,
  kind: MediaKind,
  description: SessionDescription,
  limits: SdpLimits,
): OfferedMedia {
  const direction = readDirection(section, description);
  const sources = readSources(section, limits.itemsPerMLine);
  return {
    section,
    mid: section.attributes.first('mid') ?? '',
    kind,
    sends: direction === 'sendrecv' || direction === 'sendonly',
    receives: direction === 'sendrecv' || direction === 'recvonly',
    codecs: pairCodecs(readCodecs(section, kind)),
    extensions: readExtensions(section, description),
    sources,
    reducedSizeRtcp: section.attributes.has('rtcp-rsize'),
    ...readMsid(section.attributes.first('msid') ?? sources.msid),
  };
}

/** RFC 8866 §6.7: what is not said is `sendrecv`. */
export function readDirection(section: MediaSection, description: SessionDescription): Direction {
  const directions: readonly Direction[] = ['sendrecv', 'sendonly', 'recvonly', 'inactive'];
  return (
    directions.find((direction) => section.attributes.has(direction)) ??
    directions.find((direction) => description.attributes.has(direction)) ??
    'sendrecv'
  );
}

/** RFC 8830; a stream `-` is none. */
function readMsid(msid: string | undefined): Pick<OfferedMedia, 'streamId' | 'trackId'> {
  const [, streamId, trackId] = MSID.exec(msid ?? '') ?? [];
  return { streamId: streamId === '-' ? undefined : streamId, trackId };
}
