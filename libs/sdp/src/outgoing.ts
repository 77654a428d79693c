import { fromCapability } from './codec-match.js';
import { BundleNumbers } from './bundle-numbers.js';
import type { MediaKind, RtpCapabilities } from './dictionaries.js';
import { asOffered, numbersOf, stopped, type MLine } from './m-line.js';
import type { Mid, OutgoingTrack } from './negotiation-types.js';
import { probatorBeside } from './probator.js';
import { describeSending } from './sending.js';

/** What an m-line can be reserved for. */
export type ReservedKind = MediaKind | 'application';

/** An m-line that was asked for; it is in offers once it has a track. */
export interface Reservation {
  readonly kind: MediaKind;
  readonly track: OutgoingTrack | undefined;
}

/** What we want the client to know and have not told it yet. */
export interface Wishes {
  /** Tracks to send, on m-lines of ours or on slots of the client. */
  readonly reservations: ReadonlyMap<Mid, Reservation>;
  /** m-lines on which sending is to end. */
  readonly stops: ReadonlySet<Mid>;
  /** The m-line for data channels that we would open, where there is none. */
  readonly data: Mid | undefined;
  /** Whether an offer with pictures is to have a place for mediasoup's probes. */
  readonly probator: boolean;
}

/** Whether anything of `wishes` can be told by an offer. */
export function isTellable(wishes: Omit<Wishes, 'probator'>): boolean {
  return (
    wishes.stops.size > 0 ||
    wishes.data !== undefined ||
    [...wishes.reservations.values()].some(({ track }) => track !== undefined)
  );
}

/**
 * The m-lines that an offer of ours proposes: stops first, so that their numbers are free, then each
 * track on its own m-line, a dead one of its kind, or a new one at the end.
 */
export function planOffer(lines: readonly MLine[], wishes: Wishes): MLine[] {
  const plan = withStops(lines, wishes.stops);
  const bothWays =
    wishes.reservations.size > 0 || plan.some((line) => line.sending ?? line.reception?.planned);
  const planned = bothWays ? plan.map(asOffered) : plan;
  // A place is free only once both sides know that it is dead: not what is stopped just now.
  const free = new Set(lines.flatMap((line, index) => (line.alive ? [] : [index])));
  const numbers = BundleNumbers.of(planned.map(numbersOf));
  for (const [mid, { track }] of wishes.reservations) {
    const placed = track && place(planned, free, mid, track, numbers);
    if (placed) numbers.add(numbersOf(placed));
  }
  if (wishes.data !== undefined) placeData(planned, free, wishes.data);
  const probator = wishes.probator ? probatorBeside(planned) : undefined;
  return probator ? [...planned, probator] : planned;
}

/** How many m-lines there would be with all that is wished for and one more. */
export function placesNeeded(
  lines: readonly MLine[],
  { reservations, data }: Pick<Wishes, 'reservations' | 'data'>,
  oneMore: ReservedKind,
): number {
  const fresh: readonly ReservedKind[] = [
    ...[...reservations]
      .filter(([mid]) => !lines.some((line) => line.mid === mid && line.alive))
      .map(([, { kind }]) => kind),
    ...(data === undefined ? [] : (['application'] as const)),
    oneMore,
  ];
  const kinds: readonly ReservedKind[] = ['audio', 'video', 'application'];
  const added = kinds.map((kind) => {
    const dead = lines.filter((line) => !line.alive && line.kind === kind).length;
    return Math.max(0, fresh.filter((other) => other === kind).length - dead);
  });
  return added.reduce((sum, places) => sum + places, lines.length);
}

/** What `transport.consume()` should be told for an m-line of ours: what the BUNDLE has room for. */
export function consumableBeside(
  lines: readonly MLine[],
  mid: Mid,
  router: RtpCapabilities,
): RtpCapabilities {
  const planned = lines.map(asOffered);
  const numbers = numbersBeside(
    planned,
    planned.find((line) => line.mid === mid),
  );
  const codecs = (router.codecs ?? []).filter((codec) =>
    numbers.canUseCodec(fromCapability(codec)),
  );
  const headerExtensions = (router.headerExtensions ?? []).filter(({ uri, preferredId }) =>
    numbers.canUseExtension({ uri, id: preferredId }),
  );
  return { codecs, headerExtensions };
}

/** The numbers that a track on `line` must agree with: those of all else in the BUNDLE. */
export function numbersBeside(lines: readonly MLine[], line: MLine | undefined): BundleNumbers {
  const numbers = BundleNumbers.of(lines.filter((other) => other !== line).map(numbersOf));
  if (line?.reception) numbers.add(line.reception);
  return numbers;
}

/**
 * The first live m-line speaks for the BUNDLE's transport, and browsers do not all survive its end:
 * it falls idle. All others get port 0, so that a new track gets a new transceiver and name.
 */
function withStops(lines: readonly MLine[], stops: ReadonlySet<Mid>): MLine[] {
  const tagged = lines.find((line) => line.alive);
  return lines.map((line) => {
    if (!stops.has(line.mid) || !line.sending) return line;
    const idle = { ...line, idleCodecs: line.sending.codecs, sending: undefined };
    const ours = line.numberedBy === 'server' && !line.reception;
    return ours && line !== tagged ? stopped(idle) : idle;
  });
}

/** A dead m-line of that kind, or the end. */
function placeFor(planned: readonly MLine[], free: ReadonlySet<number>, kind: string): number {
  const dead = planned.findIndex(
    (line, index) => free.has(index) && !line.alive && line.kind === kind,
  );
  return dead >= 0 ? dead : planned.length;
}

function placeData(planned: MLine[], free: ReadonlySet<number>, mid: Mid): void {
  planned[placeFor(planned, free, 'application')] = {
    mid,
    kind: 'application',
    protocol: 'UDP/DTLS/SCTP',
    formats: ['webrtc-datachannel'],
    alive: true,
    numberedBy: 'server',
    idleCodecs: [],
    reducedSizeRtcp: false,
  };
}

/** `numbers` are those of all that is planned so far. */
function place(
  planned: MLine[],
  free: ReadonlySet<number>,
  mid: Mid,
  track: OutgoingTrack,
  numbers: BundleNumbers,
): MLine | undefined {
  const { kind } = track;
  const own = planned.findIndex((line) => line.mid === mid);
  const index = own >= 0 ? own : placeFor(planned, free, kind);
  const line = own >= 0 ? planned[own] : undefined;
  const others = line ? numbersBeside(planned, line) : numbers;
  const sending = describeSending(track, others, line?.slot);
  // A track that stopped to fit since it was set: another m-line has taken its number.
  if (!sending) return undefined;
  const placed: MLine = {
    mid,
    kind,
    protocol: line?.protocol ?? 'UDP/TLS/RTP/SAVPF',
    formats: sending.codecs.map((codec) => String(codec.payloadType)),
    alive: true,
    numberedBy: line?.numberedBy ?? 'server',
    idleCodecs: sending.codecs,
    reducedSizeRtcp: true,
    reception: line?.reception,
    silentReception: line?.silentReception,
    sending,
    slot: line?.slot,
  };
  planned[index] = placed;
  return placed;
}
