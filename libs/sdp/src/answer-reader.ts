import { readBundle, type Bundle } from './bundle.js';
import { isTaken } from './codec-match.js';
import { readCodecs } from './codecs.js';
import { isDataSection, readMaxMessageBytes } from './data-section.js';
import { SdpError } from './errors.js';
import { DEPENDENCY_DESCRIPTOR_URI, readExtensions } from './header-extensions.js';
import { stopped, type MLine } from './m-line.js';
import type { Mid, SdpLimits } from './negotiation-types.js';
import { readDirection, type Direction } from './offered-media.js';
import type { Reception } from './reception.js';
import { readRemoteTransport, type RemoteTransport } from './remote-transport.js';
import type { Sending } from './sending.js';
import {
  parseSessionDescription,
  type MediaSection,
  type SessionDescription,
} from './session-description.js';

/** What an answer makes of the m-lines that we offered. */
export interface AnswerRead {
  readonly lines: readonly MLine[];
  readonly transport: RemoteTransport | undefined;
  readonly accepted: readonly Mid[];
  readonly rejected: readonly Mid[];
  readonly removed: readonly Mid[];
}

/** @throws {SdpError} */
export function readAnswer(sdp: string, offered: readonly MLine[], limits: SdpLimits): AnswerRead {
  const description = parseSessionDescription(sdp, limits);
  checkShape(description, offered);
  const bundle = readBundle(description);
  const lines = offered.map((line, index) => {
    const section = description.sections[index];
    return section ? answered(line, section, description, bundle) : line;
  });
  const transport = readRemoteTransport(description, bundle);
  if (transport?.dtlsRole === 'auto') {
    throw new SdpError('MALFORMED', 'an answer must choose between a=setup:active and passive');
  }
  const sent = offered.filter((line) => line.sending);
  const stillSent = new Set(lines.filter((line) => line.sending).map((line) => line.mid));
  return {
    lines,
    transport,
    accepted: sent.filter((line) => stillSent.has(line.mid)).map((line) => line.mid),
    rejected: sent.filter((line) => !stillSent.has(line.mid)).map((line) => line.mid),
    removed: offered
      .filter((line, index) => line.reception && !lines[index]?.reception)
      .map((line) => line.mid),
  };
}

/** RFC 3264 §6: an answer has the offer's m-lines, in its order. */
function checkShape(description: SessionDescription, offered: readonly MLine[]): void {
  if (description.sections.length !== offered.length) {
    throw new SdpError('MALFORMED', 'the answer does not have the m-lines of the offer');
  }
  for (const section of description.sections) {
    const line = offered[section.index];
    const mid = section.attributes.first('mid');
    // A rejected m-line may come without attributes.
    const named = mid === line?.mid || (mid === undefined && section.port === 0);
    if (!named || section.kind !== line?.kind) {
      throw new SdpError(
        'MALFORMED',
        'an m-line of the answer is not the offered one',
        section.index,
      );
    }
    if (mid === undefined) section.attributes.add(`mid:${line.mid}`);
  }
}

function answered(
  line: MLine,
  section: MediaSection,
  description: SessionDescription,
  bundle: Bundle,
): MLine {
  if (!line.alive || !bundle.alive.has(line.mid)) return stopped(line);
  if (line.kind === 'application') {
    const taken = isDataSection(section);
    return taken ? { ...line, maxMessageBytes: readMaxMessageBytes(section) } : stopped(line);
  }
  const direction = readDirection(section, description);
  const takes = line.sending && receives(direction) && listsCodec(section, line);
  return {
    ...line,
    sending: takes ? heard(line.sending, section, description) : undefined,
    reception:
      line.reception && sends(direction)
        ? accepted(line.reception, section, description)
        : undefined,
  };
}

function accepted(
  reception: Reception,
  section: MediaSection,
  description: SessionDescription,
): Reception {
  const answered = readExtensions(section, description);
  const extensions = reception.extensions.filter(({ uri, id }) =>
    answered.some((extension) => extension.uri === uri && extension.id === id),
  );
  return { ...reception, extensions };
}

/** Of what we send, what the client can make use of. */
function heard(sending: Sending, section: MediaSection, description: SessionDescription): Sending {
  const answered = readExtensions(section, description);
  const extensions = sending.extensions.filter(
    ({ uri, id }) =>
      uri !== DEPENDENCY_DESCRIPTOR_URI ||
      answered.some((extension) => extension.uri === uri && extension.id === id),
  );
  return extensions.length < sending.extensions.length ? { ...sending, extensions } : sending;
}

function listsCodec(section: MediaSection, { kind, sending }: MLine): boolean {
  const [codec] = sending?.codecs ?? [];
  if (!codec || !section.formats.includes(String(codec.payloadType))) return false;
  if (kind !== 'audio' && kind !== 'video') return false;
  const answered = readCodecs(section, kind).find(
    ({ payloadType }) => payloadType === codec.payloadType,
  );
  // Nothing said of the number leaves it what we said it is.
  return answered === undefined || isTaken(codec, answered);
}

function receives(direction: Direction): boolean {
  return direction === 'sendrecv' || direction === 'recvonly';
}

function sends(direction: Direction): boolean {
  return direction === 'sendrecv' || direction === 'sendonly';
}
