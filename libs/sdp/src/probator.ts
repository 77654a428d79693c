import { BundleNumbers } from './bundle-numbers.js';
import { ABS_SEND_TIME_URI, MID_URI, TRANSPORT_CC_URI } from './header-extensions.js';
import { numbersOf, type MLine } from './m-line.js';

/**
 * Of the packets by which mediasoup asks how wide a link is: RTP of no track, with this mid, which
 * cannot be chosen (its worker's RTC/RTP/ProbationGenerator.cpp).
 */
export const PROBATOR_MID = 'probator';

/** What those packets carry. */
const EXTENSIONS = new Set([MID_URI, ABS_SEND_TIME_URI, TRANSPORT_CC_URI]);

/**
 * The m-line by which a client knows where those packets belong: one that drops what it cannot place
 * says nothing of their arrival, and then they tell nothing of the link. It is inactive, so no track
 * comes of it. Undefined where no picture is sent in mediasoup's own numbers.
 */
export function probatorBeside(planned: readonly MLine[]): MLine | undefined {
  const video = planned.find(
    ({ kind, numberedBy, sending }) => kind === 'video' && numberedBy === 'server' && sending,
  );
  const [codec] = video?.sending?.codecs ?? [];
  if (!video || !codec) return undefined;
  const numbers = BundleNumbers.of(planned.map(numbersOf));
  const extensions = (video.sending?.extensions ?? []).filter(
    (extension) => EXTENSIONS.has(extension.uri) && numbers.usesExtension(extension),
  );
  return {
    mid: PROBATOR_MID,
    kind: 'video',
    protocol: video.protocol,
    formats: [String(codec.payloadType)],
    alive: true,
    numberedBy: 'server',
    idleCodecs: [codec],
    idleExtensions: extensions,
    reducedSizeRtcp: true,
  };
}
