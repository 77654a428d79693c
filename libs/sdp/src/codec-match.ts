import { generateProfileLevelIdStringForAnswer, isSameProfile } from 'h264-profile-level-id';
import { isRtx, type Codec, type CodecPair } from './codecs.js';
import type { RtcpFeedback, RtpCapabilities, RtpCodecCapability } from './dictionaries.js';
import { toFormatParameters, type FormatParameters } from './format-parameters.js';

/** Parameters that are passed on to mediasoup, and by it to receivers; all others stay here. */
const PASSED_PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  'audio/opus': [
    'minptime',
    'maxptime',
    'ptime',
    'useinbandfec',
    'usedtx',
    'stereo',
    'sprop-stereo',
    'maxplaybackrate',
    'sprop-maxcapturerate',
    'maxaveragebitrate',
    'cbr',
  ],
  'audio/multiopus': [
    'channel_mapping',
    'num_streams',
    'coupled_streams',
    'minptime',
    'useinbandfec',
    'usedtx',
  ],
  'audio/pcmu': [],
  'audio/pcma': [],
  'audio/g722': [],
  'video/vp8': ['max-fr', 'max-fs'],
  'video/vp9': ['profile-id', 'max-fr', 'max-fs'],
  'video/h264': [
    'profile-level-id',
    'packetization-mode',
    'level-asymmetry-allowed',
    'max-fs',
    'max-mbps',
    'max-br',
    'sprop-parameter-sets',
  ],
  'video/av1': ['profile', 'level-idx', 'tier'],
};

/** Never accepted, whatever a router lists: mediasoup refuses RED, and forwards no FEC of its own. */
const DECLINED = new Set([
  'red',
  'ulpfec',
  'flexfec-03',
  'flexfec',
  'cn',
  'telephone-event',
  'rtx',
]);

/**
 * The router's codec that `codec` is, compared as mediasoup itself compares when it is asked to
 * produce; undefined where there is none or we decline it.
 */
export function findRouterCodec(
  codec: Codec,
  router: RtpCapabilities,
): RtpCodecCapability | undefined {
  if (DECLINED.has(encodingName(codec.mimeType))) return undefined;
  return router.codecs?.find((candidate) => isSameCodec(codec, candidate));
}

/** Whether mediasoup can carry this codec at all, given a router for it. */
export function isKnownCodec(codec: Codec): boolean {
  return codec.mimeType.toLowerCase() in PASSED_PARAMETERS;
}

/** Whether two codecs differ in nothing that a decoder cares for; payload types do not count. */
export function isSameCodec(
  some: Pick<Codec, 'mimeType' | 'clockRate' | 'channels' | 'parameters'>,
  other: Pick<RtpCodecCapability, 'mimeType' | 'clockRate' | 'channels' | 'parameters'>,
): boolean {
  const mimeType = some.mimeType.toLowerCase();
  if (mimeType !== other.mimeType.toLowerCase() || some.clockRate !== other.clockRate) return false;
  if ((some.channels ?? 1) !== (other.channels ?? 1)) return false;
  const others: Readonly<Record<string, unknown>> = other.parameters ?? {};
  switch (mimeType) {
    case 'audio/multiopus':
      return ['num_streams', 'coupled_streams'].every(
        (name) => some.parameters[name] === others[name],
      );
    case 'video/h264':
      return isSameH264(some.parameters, others);
    case 'video/vp9':
      return (some.parameters['profile-id'] ?? 0) === (others['profile-id'] ?? 0);
    case 'video/av1':
      // mediasoup takes them for one; a decoder of the main profile cannot make anything of 4:4:4.
      return (some.parameters['profile'] ?? 0) === (others['profile'] ?? 0);
    default:
      return true;
  }
}

/**
 * Whether an answerer that lists `answered` under the payload type of `offered` can take what is sent
 * with it. Of H.264 it may answer another level, and some answer another profile and decode all the
 * same; the packetization mode must be the offered one (RFC 6184 §8.2.2).
 */
export function isTaken(offered: Codec, answered: Codec): boolean {
  const mimeType = offered.mimeType.toLowerCase();
  if (mimeType !== answered.mimeType.toLowerCase()) return false;
  if (offered.clockRate !== answered.clockRate) return false;
  if (mimeType !== 'video/h264') return true;
  const modes = [offered, answered].map(({ parameters }) => parameters['packetization-mode'] ?? 0);
  return modes[0] === modes[1];
}

/** What of a client's parameters may go into `transport.produce()`. */
export function passedParameters(codec: Codec): FormatParameters {
  const names = PASSED_PARAMETERS[codec.mimeType.toLowerCase()] ?? [];
  return pick(codec.parameters, names);
}

/** The parameters with which we answer an offered codec that the client will send. */
export function answeredParameters(codec: Codec, matched: RtpCodecCapability): FormatParameters {
  const offered = codec.parameters;
  switch (codec.mimeType.toLowerCase()) {
    case 'audio/opus':
      // RFC 7587 §7: what is written here asks the sender; `sprop-` tells what it will send.
      return {
        ...pick(offered, ['minptime', 'useinbandfec', 'usedtx']),
        ...(offered['sprop-stereo'] !== undefined && { stereo: offered['sprop-stereo'] }),
      };
    case 'video/h264':
      return {
        'level-asymmetry-allowed': 1,
        ...pick(offered, ['packetization-mode']),
        ...answeredProfileLevel(offered, matched.parameters ?? {}),
      };
    default:
      return pick(offered, PASSED_PARAMETERS[codec.mimeType.toLowerCase()] ?? []);
  }
}

/** The offered feedback that the router can give, each once. */
export function commonFeedback(codec: Codec, matched: RtpCodecCapability): RtcpFeedback[] {
  const seen = new Set<string>();
  return codec.rtcpFeedback.filter((feedback) => {
    const key = feedbackKey(feedback);
    if (seen.has(key)) return false;
    seen.add(key);
    return (matched.rtcpFeedback ?? []).some((supported) => feedbackKey(supported) === key);
  });
}

/** The router's media codecs of a kind with the RTX that it would use for each. */
export function routerCodecPairs(router: RtpCapabilities, kind: string): CodecPair[] {
  const codecs = (router.codecs ?? []).filter((codec) => codec.kind === kind).map(fromCapability);
  return codecs
    .filter((codec) => !isRtx(codec.mimeType))
    .map((media) => ({
      media,
      rtx: codecs.find((rtx) => isRtx(rtx.mimeType) && rtx.parameters['apt'] === media.payloadType),
    }));
}

/** Whether simulcast of this codec is something that mediasoup can take apart. */
export function canSimulcast(mimeType: string): boolean {
  return ['video/vp8', 'video/h264'].includes(mimeType.toLowerCase());
}

/** A codec of mediasoup's capabilities as one of an m-line. */
export function fromCapability(codec: RtpCodecCapability): Codec {
  return {
    mimeType: codec.mimeType,
    payloadType: codec.preferredPayloadType,
    clockRate: codec.clockRate,
    ...(codec.channels !== undefined && { channels: codec.channels }),
    parameters: toFormatParameters(codec.parameters),
    rtcpFeedback: codec.rtcpFeedback ?? [],
  };
}

function encodingName(mimeType: string): string {
  return mimeType.slice(mimeType.indexOf('/') + 1).toLowerCase();
}

function feedbackKey(feedback: RtcpFeedback): string {
  return `${feedback.type} ${feedback.parameter ?? ''}`;
}

function isSameH264(some: FormatParameters, others: Readonly<Record<string, unknown>>): boolean {
  if ((some['packetization-mode'] ?? 0) !== (others['packetization-mode'] ?? 0)) return false;
  if (!isSameProfile(some, others)) return false;
  try {
    generateProfileLevelIdStringForAnswer(others, some);
    return true;
  } catch {
    // A profile-level-id that names no level: mediasoup would refuse it too.
    return false;
  }
}

function answeredProfileLevel(
  offered: FormatParameters,
  supported: Readonly<Record<string, unknown>>,
): FormatParameters {
  const profileLevelId = generateProfileLevelIdStringForAnswer(supported, offered);
  return profileLevelId === undefined ? {} : { 'profile-level-id': profileLevelId };
}

function pick(parameters: FormatParameters, names: readonly string[]): FormatParameters {
  return Object.fromEntries(Object.entries(parameters).filter(([name]) => names.includes(name)));
}
