import { isRtx } from './codecs.js';
import type { RouterRtpCodecCapability, RtpCodecCapability } from './dictionaries.js';
import type { OfferedSlot } from './negotiation-types.js';

/** A router that numbers codecs as a client does, so that the client can decode what it sends. */
export interface Numbering {
  /** The same for all clients of one numbering: routers can be shared by it. */
  readonly key: string;
  /** For `worker.createRouter()`. */
  readonly mediaCodecs: RouterRtpCodecCapability[];
}

/**
 * The order in which mediasoup hands out payload types to RTX codecs, each time the first that no
 * codec listed before has taken. Nothing else decides an RTX codec's number, so it is steered by
 * what is listed before it.
 */
const ALLOCATION_ORDER: readonly number[] = [...range(100, 127), ...range(96, 99)];

/** Listed only to take a payload type out of mediasoup's hands; nobody uses SILK. */
const FILLER = { kind: 'audio', mimeType: 'audio/SILK', clockRate: 8000 } as const;

interface WantedCodec {
  readonly codec: RtpCodecCapability;
  /** The client's RTX payload type for it. */
  readonly rtxPayloadType: number | undefined;
}

/**
 * The numbering in which `slots` are offered; where video codecs have numbers next to each other,
 * 100 and 101 for instance, mediasoup may not be able to have all of them. RTX gets the client's number wherever mediasoup can
 * be led to it (96 to 127, and no number needed by another codec before it); where it cannot,
 * `consumableOn` leaves RTX out, and lost packets are sent again as they were.
 */
export function numberingOf(slots: readonly OfferedSlot[]): Numbering {
  const wanted = wantedCodecs(slots);
  const key = wanted
    .map(({ codec, rtxPayloadType }) => keyOf(codec, rtxPayloadType))
    .sort()
    .join(' ');
  return { key, mediaCodecs: new Allocation(wanted).mediaCodecs };
}

function wantedCodecs(slots: readonly OfferedSlot[]): WantedCodec[] {
  const byPayloadType = new Map<number, WantedCodec>();
  const codecs = slots.flatMap((slot) => slot.rtpCapabilities.codecs ?? []);
  for (const codec of codecs) {
    if (isRtx(codec.mimeType) || byPayloadType.has(codec.preferredPayloadType)) continue;
    const rtx = codecs.find(
      (other) =>
        isRtx(other.mimeType) &&
        other.kind === codec.kind &&
        other.parameters?.['apt'] === codec.preferredPayloadType,
    );
    byPayloadType.set(codec.preferredPayloadType, {
      codec,
      rtxPayloadType: rtx?.preferredPayloadType,
    });
  }
  return [...byPayloadType.values()];
}

/** Plays through what mediasoup will do with a list of codecs, and writes the list so. */
class Allocation {
  readonly mediaCodecs: RouterRtpCodecCapability[] = [];
  readonly #free = [...ALLOCATION_ORDER];
  /** Payload types of codecs yet to be listed, which neither filler nor RTX may take. */
  readonly #awaited: Set<number>;
  readonly #unsteered: WantedCodec[];

  constructor(wanted: readonly WantedCodec[]) {
    this.#awaited = new Set(wanted.map(({ codec }) => codec.preferredPayloadType));
    const video = wanted.filter(({ codec }) => codec.kind === 'video');
    for (const { codec } of wanted) if (codec.kind === 'audio') this.#list(codec);
    const steered = video.filter((codec) => this.#canSteer(codec, video));
    this.#unsteered = video.filter((codec) => !steered.includes(codec)).toSorted(byOwn);
    for (const codec of steered.toSorted(byRtx)) this.#listSteered(codec);
    this.#listUnsteered(() => this.#free.length > 0);
    this.#listStuck();
  }

  #canSteer({ rtxPayloadType }: WantedCodec, video: readonly WantedCodec[]): boolean {
    return (
      rtxPayloadType !== undefined &&
      this.#free.includes(rtxPayloadType) &&
      !this.#awaited.has(rtxPayloadType) &&
      video.filter((other) => other.rtxPayloadType === rtxPayloadType).length === 1
    );
  }

  #listSteered(wanted: WantedCodec): void {
    const target = this.#free.indexOf(wanted.rtxPayloadType ?? -1);
    const own = wanted.codec.preferredPayloadType;
    const before = this.#free.slice(0, Math.max(target, 0)).filter((number) => number !== own);
    const blocked = before.some((number) => this.#awaited.has(number));
    if (target < 0 || blocked || this.#wouldStarve(target, own)) {
      this.#unsteered.push(wanted);
      this.#unsteered.sort(byOwn);
      return;
    }
    for (const number of before) {
      if (!this.#free.includes(number)) continue;
      this.#listUnsteered(() => this.#free[0] === number);
      if (this.#free.includes(number)) {
        this.#take(number);
        this.mediaCodecs.push({ ...FILLER, preferredPayloadType: number });
      }
    }
    this.#listVideo(wanted.codec);
  }

  /** Whether leading RTX so far would leave other codecs without a number for theirs. */
  #wouldStarve(target: number, own: number): boolean {
    const at = this.#free.indexOf(own);
    const hostedBefore = at >= 0 && at < target ? at : target;
    const after = this.#free.slice(target + 1).filter((number) => !this.#awaited.has(number));
    const others = this.#awaited.size - 1;
    return others > hostedBefore + after.length;
  }

  /** Lists codecs whose RTX may be anything, as long as `room` says that a number is to be had. */
  #listUnsteered(room: () => boolean): void {
    while (room()) {
      const at = this.#unsteered.findIndex(({ codec }) => {
        const next = this.#free.find((number) => number !== codec.preferredPayloadType);
        return next !== undefined && !this.#awaited.has(next);
      });
      const [codec] = at < 0 ? [] : this.#unsteered.splice(at, 1);
      if (!codec) return;
      this.#listVideo(codec.codec);
    }
  }

  /**
   * Two video codecs at the head of mediasoup's order are in each other's way: the RTX of either
   * would be the other. One stays.
   */
  #listStuck(): void {
    for (;;) {
      const [wanted] = this.#unsteered.splice(0, 1);
      if (!wanted) return;
      const { preferredPayloadType } = wanted.codec;
      const rtx = this.#free.find((number) => number !== preferredPayloadType);
      if (rtx === undefined || !this.#awaited.has(preferredPayloadType)) continue;
      this.#listVideo(wanted.codec);
      this.#awaited.delete(rtx);
    }
  }

  #listVideo(codec: RtpCodecCapability): void {
    this.#list(codec);
    this.#free.shift();
  }

  #list(codec: RtpCodecCapability): void {
    const { kind, mimeType, preferredPayloadType, clockRate, channels, parameters } = codec;
    this.#take(preferredPayloadType);
    this.#awaited.delete(preferredPayloadType);
    this.mediaCodecs.push({
      kind,
      mimeType,
      preferredPayloadType,
      clockRate,
      ...(channels !== undefined && { channels }),
      parameters: routerParameters(codec.mimeType, parameters),
    });
  }

  #take(payloadType: number): void {
    const at = this.#free.indexOf(payloadType);
    if (at >= 0) this.#free.splice(at, 1);
  }
}

/** Only what tells codecs apart: the rest is each producer's own. */
function routerParameters(
  mimeType: string,
  parameters: Readonly<Record<string, unknown>> | undefined,
): Record<string, unknown> {
  const names = [
    'packetization-mode',
    'profile-level-id',
    'profile-id',
    'num_streams',
    'coupled_streams',
  ];
  const telling = Object.entries(parameters ?? {}).filter(([name]) => names.includes(name));
  const asymmetry = mimeType.toLowerCase() === 'video/h264' ? { 'level-asymmetry-allowed': 1 } : {};
  return { ...Object.fromEntries(telling), ...asymmetry };
}

function byRtx(some: WantedCodec, other: WantedCodec): number {
  return position(some.rtxPayloadType) - position(other.rtxPayloadType);
}

/** Those first whose own number others wait to pass. */
function byOwn(some: WantedCodec, other: WantedCodec): number {
  return position(some.codec.preferredPayloadType) - position(other.codec.preferredPayloadType);
}

function position(payloadType: number | undefined): number {
  const at = ALLOCATION_ORDER.indexOf(payloadType ?? -1);
  return at < 0 ? ALLOCATION_ORDER.length : at;
}

function keyOf(codec: RtpCodecCapability, rtxPayloadType: number | undefined): string {
  const parameters = routerParameters(codec.mimeType, codec.parameters);
  const telling = Object.entries(parameters)
    .sort()
    .map(([name, value]) => `;${name}=${String(value)}`);
  const channels = codec.channels === undefined ? '' : `/${codec.channels}`;
  const rtx = rtxPayloadType === undefined ? '' : `+${rtxPayloadType}`;
  const name = `${codec.mimeType.toLowerCase()}/${codec.clockRate}${channels}${telling.join('')}`;
  return `${codec.preferredPayloadType}${rtx}:${name}`;
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, offset) => first + offset);
}
