import type { NumbersUsed } from './bundle-numbers.js';
import type { Codec } from './codecs.js';
import { canMeetOurPackets, type Extension } from './header-extensions.js';
import type { Mid, OfferedSlot } from './negotiation-types.js';
import type { Direction } from './offered-media.js';
import type { Reception } from './reception.js';
import type { Sending } from './sending.js';

/** One m-line as both sides know it, or as one of them proposes it. Never changed, but replaced. */
export interface MLine {
  readonly mid: Mid;
  /** Stays while the mid lives. */
  readonly kind: string;
  readonly protocol: string;
  /** What a rejected m-line lists. */
  readonly formats: readonly string[];
  /** False with port 0: the place may go to another mid. */
  readonly alive: boolean;
  readonly numberedBy: 'client' | 'server';
  /** Listed while nothing flows either way. */
  readonly idleCodecs: readonly Codec[];
  readonly idleExtensions?: readonly Extension[] | undefined;
  readonly reducedSizeRtcp: boolean;
  readonly reception?: Reception | undefined;
  /**
   * What the client sent here before it fell silent, still described: what an answer leaves out (the
   * rid extension, layers) the client could not take up again.
   */
  readonly silentReception?: Reception | undefined;
  readonly sending?: Sending | undefined;
  /** What the client can receive here in its own numbering. */
  readonly slot?: OfferedSlot | undefined;
  /** Of data channels: the largest message that the client takes. */
  readonly maxMessageBytes?: number | undefined;
}

/** The m-line with port 0. */
export function stopped(line: MLine): MLine {
  return {
    ...line,
    alive: false,
    reception: undefined,
    silentReception: undefined,
    sending: undefined,
    slot: undefined,
  };
}

/** What flows on an m-line, seen from the server. */
export function directionOf(line: MLine): Direction {
  if (line.reception && line.sending) return 'sendrecv';
  if (line.reception) return 'recvonly';
  return line.sending ? 'sendonly' : 'inactive';
}

/** The codecs and extensions with which an m-line is described. */
export function numbersOf(line: MLine): NumbersUsed {
  if (!line.alive) return { codecs: [], extensions: [] };
  const flows = [line.sending, line.reception ?? line.silentReception].filter(
    (flow) => flow !== undefined,
  );
  const codecs = flows.length > 0 ? flows.flatMap((flow) => flow.codecs) : line.idleCodecs;
  const extensions =
    flows.length > 0 ? flows.flatMap((flow) => flow.extensions) : (line.idleExtensions ?? []);
  return { codecs: distinct(codecs, payloadTypeOf), extensions: distinct(extensions, idOf) };
}

/** The m-line as an offer of ours describes it on a PeerConnection that is sent to. */
export function asOffered(line: MLine): MLine {
  const planned = line.reception?.planned;
  if (!line.reception || !planned) return withoutMisread(line);
  return { ...line, reception: { ...line.reception, ...planned, planned: undefined } };
}

/**
 * The m-line without header extensions that the client would read out of our packets and take
 * seriously. What it sends goes on: mediasoup knows its SSRCs by then.
 */
export function withoutMisread(line: MLine): MLine {
  const { reception, silentReception } = line;
  return {
    ...line,
    reception: reception && withoutMisreadIn(reception),
    silentReception: silentReception && withoutMisreadIn(silentReception),
  };
}

function withoutMisreadIn(reception: Reception): Reception {
  return { ...reception, extensions: reception.extensions.filter(canMeetOurPackets) };
}

function payloadTypeOf(codec: Codec): number {
  return codec.payloadType;
}

function idOf(extension: Extension): number {
  return extension.id;
}

function distinct<T>(items: readonly T[], key: (item: T) => number): T[] {
  const byKey = new Map<number, T>();
  for (const item of items) if (!byKey.has(key(item))) byKey.set(key(item), item);
  return [...byKey.values()];
}

/** On an m-line that the client numbered: free for another track of ours. */
export function withoutSending(line: MLine): MLine {
  if (line.numberedBy !== 'client' || !line.sending) return line;
  return { ...line, idleCodecs: line.sending.codecs, sending: undefined };
}

/** Of data channels before RFC 8841, with the port for a format: aiortc offers it. */
export const OLD_SCTP_PROTOCOL = 'DTLS/SCTP';
