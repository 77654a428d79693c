import { IngestFailure } from './ingest-failure.js';

/** What a camera offers of one kind, as far as it is taken. */
export interface CameraTrack {
  readonly kind: 'audio' | 'video';
  readonly payloadType: number;
  /** Such as `H264/90000` or `MPEG4-GENERIC/16000/1`. */
  readonly encoding: string;
  /** The codec's own parameters, as the camera writes them. */
  readonly formatParameters: string | undefined;
  /** Where it is set up, absolute or below the presentation's URL. */
  readonly control: string;
  /** Of H.264: the sequence parameter set's, or what the camera says. */
  readonly profileLevelId: string | undefined;
}

export interface CameraDescription {
  /** At most one of each kind, the video first. */
  readonly tracks: readonly CameraTrack[];
  /** Where all of it is played; undefined for the URL itself. */
  readonly control: string | undefined;
}

const LINES_MAX = 512;
const LINE_MAX_CHARACTERS = 8_192;
/** What ffmpeg decodes from RTP. Others' audio is left out, their video is not. */
const AUDIO_ENCODINGS = /^(PCMA|PCMU|MPEG4-GENERIC|MP4A-LATM|OPUS|L16|G722|G726-\d\d|MPA)\//i;
/** Payload types that need no `a=rtpmap`. */
const STATIC_ENCODINGS = new Map([
  [0, 'PCMU/8000/1'],
  [8, 'PCMA/8000/1'],
  [9, 'G722/8000/1'],
  [14, 'MPA/90000/1'],
]);

interface Section {
  readonly kind: string;
  readonly payloadTypes: readonly number[];
  readonly attributes: readonly string[];
}

/**
 * Reads the SDP that a camera describes itself with.
 *
 * @throws {IngestFailure} `malformed`, or `noMedia` where nothing of it can be carried.
 */
export function readDescription(sdp: string): CameraDescription {
  const lines = sdp.split(/\r\n|\n|\r/);
  const tooLong = lines.some((line) => line.length > LINE_MAX_CHARACTERS);
  if (lines.length > LINES_MAX || tooLong || !sdp.startsWith('v=')) {
    throw new IngestFailure('malformed');
  }
  const [session, ...sections] = split(lines);
  const video = firstOf(sections, 'video', (encoding) => /^H264\/90000/i.test(encoding));
  const audio = firstOf(sections, 'audio', (encoding) => AUDIO_ENCODINGS.test(encoding));
  const tracks = [video, audio].filter((track) => track !== undefined);
  if (tracks.length === 0) throw new IngestFailure('noMedia');
  return { tracks, control: attributeOf(session?.attributes ?? [], 'control') };
}

/** The session's own lines, then each m-line's. */
function split(lines: readonly string[]): Section[] {
  const sections = [{ kind: '', payloadTypes: [] as number[], attributes: [] as string[] }];
  for (const line of lines) {
    if (line.startsWith('m=')) {
      const [kind = '', , , ...formats] = line.slice(2).trim().split(/\s+/);
      const payloadTypes = formats.map(Number).filter((type) => type >= 0 && type <= 127);
      sections.push({ kind, payloadTypes, attributes: [] });
    } else if (line.startsWith('a=')) {
      sections.at(-1)?.attributes.push(line.slice(2).trim());
    }
  }
  return sections;
}

function firstOf(
  sections: readonly Section[],
  kind: CameraTrack['kind'],
  isTaken: (encoding: string) => boolean,
): CameraTrack | undefined {
  for (const { kind: offered, payloadTypes, attributes } of sections) {
    if (offered !== kind) continue;
    for (const payloadType of payloadTypes) {
      const encoding = encodingOf(payloadType, attributes);
      if (encoding === undefined || !isTaken(encoding)) continue;
      const formatParameters = formatOf(attributes, 'fmtp', payloadType);
      return {
        kind,
        payloadType,
        encoding,
        formatParameters,
        control: attributeOf(attributes, 'control') ?? '',
        profileLevelId: kind === 'video' ? profileOf(formatParameters) : undefined,
      };
    }
  }
  return undefined;
}

function encodingOf(payloadType: number, attributes: readonly string[]): string | undefined {
  const mapped = formatOf(attributes, 'rtpmap', payloadType);
  const encoding = mapped ?? STATIC_ENCODINGS.get(payloadType);
  return encoding !== undefined && /^[\w-]{1,32}\/\d{4,6}(\/\d{1,2})?$/.test(encoding)
    ? encoding
    : undefined;
}

/** Only plain characters: it is written into another SDP. */
function formatOf(
  attributes: readonly string[],
  name: string,
  payloadType: number,
): string | undefined {
  const prefix = `${name}:${String(payloadType)} `;
  const text = attributes.find((attribute) => attribute.startsWith(prefix))?.slice(prefix.length);
  return text !== undefined && /^[\x20-\x7e]*$/.test(text) ? text.trim() : undefined;
}

function attributeOf(attributes: readonly string[], name: string): string | undefined {
  const prefix = `${name}:`;
  return attributes.find((attribute) => attribute.startsWith(prefix))?.slice(prefix.length);
}

const SEQUENCE_PARAMETER_SET = 7;

/** What the stream is says more than what is said of it. */
function profileOf(formatParameters = ''): string | undefined {
  const said = /(?:^|;)\s*profile-level-id=([0-9a-f]{6})\b/i.exec(formatParameters)?.[1];
  const sets = /(?:^|;)\s*sprop-parameter-sets=([^;]+)/i.exec(formatParameters)?.[1] ?? '';
  for (const set of sets.split(',')) {
    const nal = Buffer.from(set, 'base64');
    if (((nal[0] ?? 0) & 0x1f) === SEQUENCE_PARAMETER_SET && nal.length >= 4) {
      return nal.toString('hex', 1, 4);
    }
  }
  return said?.toLowerCase();
}
