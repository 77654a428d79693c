import type { BundleNumbers, NumbersUsed } from './bundle-numbers.js';
import {
  answeredParameters,
  canSimulcast,
  commonFeedback,
  findRouterCodec,
  passedParameters,
} from './codec-match.js';
import { isRtx, type Codec, type CodecPair } from './codecs.js';
import type {
  RtcpFeedback,
  RtpCapabilities,
  RtpCodecCapability,
  RtpCodecParameters,
  RtpEncodingParameters,
  RtpHeaderExtensionParameters,
  RtpHeaderExtensionUri,
} from './dictionaries.js';
import {
  ABS_SEND_TIME_URI,
  MID_URI,
  REPAIRED_RID_URI,
  RID_URI,
  TRANSPORT_CC_URI,
  receivable,
  type Extension,
} from './header-extensions.js';
import type { IncomingTrack } from './negotiation-types.js';
import type { OfferedMedia } from './offered-media.js';
import { canLayer, isLayered } from './scalability.js';
import { readLayers, type Layer } from './simulcast.js';

/** What a client sends on an m-line, and how we describe it. */
export interface Reception extends NumbersUsed {
  readonly track: IncomingTrack;
  /** The codec that we chose and its RTX, with our parameters. */
  readonly codecs: readonly Codec[];
  /** Those that both sides use. */
  readonly extensions: readonly Extension[];
  /** What is sent by rid; empty without simulcast by rid. */
  readonly layers: readonly Layer[];
  /**
   * How our next offer describes it, where that differs: with extensions that the client could have
   * only under other ids than ours. The producer expects them from the start.
   */
  readonly planned?: NumbersUsed | undefined;
}

/** Extensions that a client may number as it likes: we never send them. */
const NAMES_LAYERS = new Set([RID_URI, REPAIRED_RID_URI]);

/** What else is in the BUNDLE, which an m-line must agree with. */
export interface ReceptionContext {
  readonly router: RtpCapabilities;
  readonly numbers: BundleNumbers;
  /** What is received on the other m-lines. */
  readonly others: readonly Reception[];
  /** Whether this PeerConnection is also sent to, or will be. */
  readonly bothWays: boolean;
  readonly videoStartBitrateBps: number;
  /** Of what is sent on this m-line, where it is known. */
  readonly scalabilityMode: string | undefined;
}

/**
 * Decides how the track that a client offers on an m-line is received: by one media codec (the one
 * used so far, else the client's first that the router has) and its RTX. Undefined where there is
 * no codec in common, or where mediasoup could not tell the packets from those of another m-line.
 */
export function readReception(
  media: OfferedMedia,
  context: ReceptionContext,
  before: Reception | undefined,
): Reception | undefined {
  const chosen = chooseCodec(media, context, before);
  if (!chosen) return undefined;
  const extensions = commonExtensions(media, context, before);
  const planned = context.bothWays ? plannedExtensions(media, context, extensions) : [];
  const layers = has(extensions, RID_URI) ? sentLayers(media, chosen.pair.media) : [];
  const rtx = commonRtx(chosen, context);
  const all = [...extensions, ...planned];
  const encodings = scaled(
    encodingsOf(media, chosen.pair.media, layers, rtx !== undefined),
    canLayer(chosen.pair.media, all) ? modeOf(chosen, context, before) : undefined,
  );
  if (!canBeToldApart(encodings, extensions, context.others)) return undefined;
  const next: Reception = {
    track: {
      mid: media.mid,
      kind: media.kind,
      rtpParameters: {
        mid: media.mid,
        codecs: producedCodecs(chosen, rtx, feedbackOf(chosen, all)),
        headerExtensions: all.map(toHeaderExtension),
        encodings,
        rtcp: {
          ...(media.sources.cname !== undefined && { cname: media.sources.cname }),
          reducedSize: media.reducedSizeRtcp,
        },
      },
      streamId: media.streamId,
      trackId: media.trackId,
    },
    codecs: describedCodecs(chosen, rtx, feedbackOf(chosen, extensions), context),
    extensions,
    layers,
    planned:
      planned.length > 0
        ? {
            codecs: describedCodecs(chosen, rtx, feedbackOf(chosen, all), context),
            extensions: all,
          }
        : undefined,
  };
  return before && isSameTrack(before, next) ? { ...next, track: before.track } : next;
}

interface ChosenCodec {
  readonly pair: CodecPair;
  readonly matched: RtpCodecCapability;
}

function chooseCodec(
  media: OfferedMedia,
  context: ReceptionContext,
  before: Reception | undefined,
): ChosenCodec | undefined {
  const usable = media.codecs.flatMap((pair): ChosenCodec[] => {
    const matched = findRouterCodec(pair.media, context.router);
    return matched && context.numbers.canUseCodec(pair.media) ? [{ pair, matched }] : [];
  });
  const payloadType = before?.codecs[0]?.payloadType;
  const same = usable.find(({ pair }) => pair.media.payloadType === payloadType);
  if (same && same.matched.mimeType === before?.codecs[0]?.mimeType) return same;
  // Layers are worth more to an SFU than the client's first choice of a codec: of the others,
  // mediasoup can forward but one layer.
  const layered = usable.find(
    ({ pair }) =>
      canSimulcast(pair.media.mimeType) &&
      Math.max(
        readLayers(media.section, pair.media.payloadType).length,
        media.sources.media.length,
      ) > 1,
  );
  const [first] = usable;
  return isLegacySvc(first, media) ? first : (layered ?? first);
}

/** Chromium's older way to SVC: VP9 first, and a group of SSRCs as if for simulcast. */
function isLegacySvc(codec: ChosenCodec | undefined, media: OfferedMedia): boolean {
  return codec?.pair.media.mimeType.toLowerCase() === 'video/vp9' && media.sources.media.length > 1;
}

function commonExtensions(
  media: OfferedMedia,
  context: ReceptionContext,
  before: Reception | undefined,
): Extension[] {
  const kept = before?.track.rtpParameters.headerExtensions ?? [];
  const ours = receivable(context.router, media.kind);
  const common = media.extensions.filter(
    (extension) =>
      extension.sent &&
      ours.some(({ uri }) => uri === extension.uri) &&
      isFree(extension, context) &&
      (!context.bothWays ||
        ours.some(
          ({ uri, preferredId }) => uri === extension.uri && preferredId === extension.id,
        ) ||
        context.numbers.usesExtension(extension) ||
        isSetOf(kept, extension) ||
        NAMES_LAYERS.has(extension.uri)),
  );
  return common.map(({ uri, id }) => ({ uri, id }));
}

/** What the client knows but has under an id that means something else in our packets. */
function plannedExtensions(
  media: OfferedMedia,
  context: ReceptionContext,
  accepted: readonly Extension[],
): Extension[] {
  return receivable(context.router, media.kind)
    .map(({ uri, preferredId }): Extension => ({ uri, id: preferredId }))
    .filter(
      (extension) =>
        media.extensions.some(({ uri, sent }) => sent && uri === extension.uri) &&
        accepted.every(({ uri, id }) => uri !== extension.uri && id !== extension.id) &&
        isFree(extension, context),
    );
}

function isFree(extension: Extension, { numbers, others }: ReceptionContext): boolean {
  return (
    numbers.canUseExtension(extension) &&
    // A mediasoup transport knows one id of each extension for all that it receives.
    others.every((other) => hasSameId(other.track.rtpParameters.headerExtensions ?? [], extension))
  );
}

function isSetOf(extensions: readonly Extension[], { uri, id }: Extension): boolean {
  return extensions.some((extension) => extension.uri === uri && extension.id === id);
}

function toHeaderExtension({ uri, id }: Extension): RtpHeaderExtensionParameters {
  return { uri: uri as RtpHeaderExtensionUri, id, encrypt: false, parameters: {} };
}

function hasSameId(extensions: readonly Extension[], extension: Extension): boolean {
  return extensions.every(({ uri, id }) => uri !== extension.uri || id === extension.id);
}

/** Of a codec that mediasoup cannot take layers of, only the largest picture is taken. */
function sentLayers(media: OfferedMedia, codec: Codec): Layer[] {
  if (media.kind !== 'video') return [];
  const layers = readLayers(media.section, codec.payloadType);
  return canSimulcast(codec.mimeType) ? layers : layers.slice(-1);
}

function commonRtx({ pair, matched }: ChosenCodec, context: ReceptionContext): Codec | undefined {
  const { rtx } = pair;
  const known = context.router.codecs?.some(
    (codec) => isRtx(codec.mimeType) && codec.parameters?.['apt'] === matched.preferredPayloadType,
  );
  if (!rtx || known !== true || rtx.clockRate !== pair.media.clockRate) return undefined;
  return context.numbers.canUseCodec(rtx) ? rtx : undefined;
}

function encodingsOf(
  media: OfferedMedia,
  codec: Codec,
  layers: readonly Layer[],
  withRtx: boolean,
): RtpEncodingParameters[] {
  // Chromium's VP8 layers have three temporal layers each, and nothing in SDP says so.
  const temporal = codec.mimeType.toLowerCase() === 'video/vp8' ? { scalabilityMode: 'L1T3' } : {};
  if (layers.length > 1) return layers.map(({ rid }) => ({ rid, ...temporal }));
  const sources = media.sources.media.map(({ ssrc, rtxSsrc }) => ({
    ssrc,
    ...(withRtx && rtxSsrc !== undefined && { rtx: { ssrc: rtxSsrc } }),
  }));
  const [source] = sources;
  if (layers[0]) return [{ rid: layers[0].rid, ...source }];
  if (!source) return [{}];
  if (sources.length === 1 || media.kind === 'audio') return [source];
  if (canSimulcast(codec.mimeType)) return sources.map((layer) => ({ ...layer, ...temporal }));
  const legacySvc = codec.mimeType.toLowerCase() === 'video/vp9';
  return [{ ...source, ...(legacySvc && { scalabilityMode: `L${sources.length}T3_KEY` }) }];
}

/** As told with this offer, else with an earlier one. */
function modeOf(
  { pair }: ChosenCodec,
  { scalabilityMode }: ReceptionContext,
  before: Reception | undefined,
): string | undefined {
  if (scalabilityMode !== undefined) return scalabilityMode;
  const same = before?.codecs[0]?.payloadType === pair.media.payloadType;
  return same ? before.track.rtpParameters.encodings?.[0]?.scalabilityMode : undefined;
}

/** Several streams have layers already. */
function scaled(
  encodings: RtpEncodingParameters[],
  scalabilityMode: string | undefined,
): RtpEncodingParameters[] {
  const [encoding, second] = encodings;
  const layered = scalabilityMode !== undefined && isLayered(scalabilityMode);
  return encoding && !second && layered ? [{ ...encoding, scalabilityMode }] : encodings;
}

/** mediasoup finds the producer of a packet by SSRC, else by mid, else by rid. */
function canBeToldApart(
  encodings: readonly RtpEncodingParameters[],
  extensions: readonly Extension[],
  others: readonly Reception[],
): boolean {
  if (has(extensions, MID_URI) || encodings.every(({ ssrc }) => ssrc !== undefined)) return true;
  const rids = encodings.map(({ rid }) => rid);
  const taken = others.flatMap((other) => other.track.rtpParameters.encodings ?? []);
  return rids.every((rid) => rid !== undefined && !taken.some((encoding) => encoding.rid === rid));
}

/** Of what both sides can give: TWCC, or REMB, or neither, as its header extension is in use. */
function feedbackOf(
  { pair, matched }: ChosenCodec,
  extensions: readonly Extension[],
): RtcpFeedback[] {
  const twcc = has(extensions, TRANSPORT_CC_URI);
  const remb = !twcc && has(extensions, ABS_SEND_TIME_URI);
  return commonFeedback(pair.media, matched).filter(
    ({ type }) => (type !== 'transport-cc' || twcc) && (type !== 'goog-remb' || remb),
  );
}

function producedCodecs(
  { pair, matched }: ChosenCodec,
  rtx: Codec | undefined,
  rtcpFeedback: RtcpFeedback[],
): RtpCodecParameters[] {
  const { payloadType, clockRate, channels } = pair.media;
  const media: RtpCodecParameters = {
    mimeType: matched.mimeType,
    payloadType,
    clockRate,
    ...(channels !== undefined && { channels }),
    parameters: passedParameters(pair.media),
    rtcpFeedback,
  };
  return rtx ? [media, { ...rtxCodec(rtx, pair.media), rtcpFeedback: [] }] : [media];
}

function describedCodecs(
  { pair, matched }: ChosenCodec,
  rtx: Codec | undefined,
  rtcpFeedback: readonly RtcpFeedback[],
  { videoStartBitrateBps }: ReceptionContext,
): Codec[] {
  const startBitrateKbps = Math.round(videoStartBitrateBps / 1000);
  const parameters = {
    ...answeredParameters(pair.media, matched),
    // Chromium's own, passed over by others: it would begin with 300 kbit/s and climb slowly.
    ...(matched.kind === 'video' &&
      startBitrateKbps > 0 && { 'x-google-start-bitrate': startBitrateKbps }),
  };
  const media: Codec = { ...pair.media, mimeType: matched.mimeType, parameters, rtcpFeedback };
  return rtx ? [media, { ...rtxCodec(rtx, pair.media), rtcpFeedback: [] }] : [media];
}

function rtxCodec(rtx: Codec, media: Codec): Omit<Codec, 'rtcpFeedback'> {
  return {
    mimeType: rtx.mimeType,
    payloadType: rtx.payloadType,
    clockRate: rtx.clockRate,
    parameters: { apt: media.payloadType },
  };
}

/** Whether the producer of `before` may go on: what it was made from is what is offered now. */
function isSameTrack(before: Reception, next: Reception): boolean {
  const [some, other] = [before.track, next.track];
  return (
    some.trackId === other.trackId &&
    JSON.stringify(telling(some)) === JSON.stringify(telling(other)) &&
    next.extensions.every((extension) =>
      hasSameId(some.rtpParameters.headerExtensions ?? [], extension),
    )
  );
}

function telling({ rtpParameters }: IncomingTrack): unknown {
  const codecs = rtpParameters.codecs.map(({ mimeType, payloadType }) => [mimeType, payloadType]);
  return [codecs, rtpParameters.encodings];
}

function has(extensions: readonly Extension[], uri: string): boolean {
  return extensions.some((extension) => extension.uri === uri);
}
