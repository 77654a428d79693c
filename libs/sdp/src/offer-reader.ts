import { readBundle, type Bundle } from './bundle.js';
import { BundleNumbers } from './bundle-numbers.js';
import { commonFeedback, findRouterCodec } from './codec-match.js';
import type { RtpCapabilities } from './dictionaries.js';
import { SdpError } from './errors.js';
import { isDataSection, readMaxMessageBytes } from './data-section.js';
import { numbersOf, stopped, type MLine } from './m-line.js';
import type { Mid, SdpLimits } from './negotiation-types.js';
import { readOfferedMedia, type OfferedMedia } from './offered-media.js';
import { readReception, type Reception } from './reception.js';
import { readRemoteTransport, type RemoteTransport } from './remote-transport.js';
import {
  parseSessionDescription,
  type MediaSection,
  type SessionDescription,
} from './session-description.js';
import { withinOffer } from './sending.js';
import { readSlot } from './slot.js';

/** What the m-lines of an offer would become if all of it were accepted. */
export interface OfferRead {
  /** Of its `o=` line. */
  readonly sessionId: string;
  readonly lines: readonly MLine[];
  readonly transport: RemoteTransport | undefined;
  readonly extmapAllowMixed: boolean;
  /** Whether m-lines were offered as a BUNDLE, so that the answer may say so too. */
  readonly grouped: boolean;
}

export interface OfferContext {
  /** The m-lines as they are. */
  readonly lines: readonly MLine[];
  readonly router: RtpCapabilities;
  readonly limits: SdpLimits;
  /** Whether the transport was made with SCTP. */
  readonly sctp: boolean;
  readonly bothWays: boolean;
  readonly videoStartBitrateBps: number;
  readonly scalabilityModes: ReadonlyMap<Mid, string>;
}

const RTP_PROTOCOLS = [
  'UDP/TLS/RTP/SAVPF',
  'TCP/TLS/RTP/SAVPF',
  'UDP/TLS/RTP/SAVP',
  'TCP/TLS/RTP/SAVP',
  'RTP/SAVPF',
];

/** @throws {SdpError} */
export function readOffer(sdp: string, context: OfferContext): OfferRead {
  const description = parseSessionDescription(sdp, context.limits);
  const bundle = readBundle(description);
  checkContinuity(description, bundle, context.lines);
  const transport = readRemoteTransport(description, bundle);
  const medias = readMedias(description, bundle, context.limits);
  checkRtcpMux(medias);
  checkSsrcs(medias);
  return {
    sessionId: description.sessionId,
    lines: readLines(description, bundle, medias, context),
    transport,
    extmapAllowMixed: description.attributes.has('extmap-allow-mixed'),
    grouped: bundle.grouped,
  };
}

/** RFC 9429 §5.2.2: places stay, kinds stay, and only a dead place may take a new mid. */
function checkContinuity(
  description: SessionDescription,
  bundle: Bundle,
  lines: readonly MLine[],
): void {
  if (description.sections.length < lines.length) {
    throw new SdpError('MALFORMED', 'm-lines are missing that were there before');
  }
  const known = new Map(lines.map((line, index) => [line.mid, index]));
  for (const section of description.sections) {
    const mid = bundle.mids[section.index] ?? '';
    const line = lines[section.index];
    if (line?.mid === mid) {
      if (line.kind !== section.kind) {
        throw new SdpError('MALFORMED', 'an m-line changed its kind', section.index);
      }
      continue;
    }
    if (line?.alive)
      throw new SdpError('MALFORMED', 'a live m-line changed its mid', section.index);
    if (known.has(mid)) throw new SdpError('MALFORMED', 'a mid changed its place', section.index);
  }
}

function readMedias(
  description: SessionDescription,
  bundle: Bundle,
  limits: SdpLimits,
): Map<Mid, OfferedMedia> {
  const medias = new Map<Mid, OfferedMedia>();
  for (const section of description.sections) {
    const mid = bundle.mids[section.index] ?? '';
    const { kind } = section;
    if ((kind !== 'audio' && kind !== 'video') || !bundle.alive.has(mid)) continue;
    if (!RTP_PROTOCOLS.includes(section.protocol)) continue;
    medias.set(mid, readOfferedMedia(section, kind, description, limits));
  }
  return medias;
}

function checkRtcpMux(medias: ReadonlyMap<Mid, OfferedMedia>): void {
  for (const { section } of medias.values()) {
    if (!section.attributes.has('rtcp-mux') && !section.attributes.has('rtcp-mux-only')) {
      throw new SdpError('UNSUPPORTED', 'rtcp-mux is required', section.index);
    }
  }
}

/** One SSRC is one source in a BUNDLE, and one producer in a mediasoup transport. */
function checkSsrcs(medias: ReadonlyMap<Mid, OfferedMedia>): void {
  const seen = new Set<number>();
  for (const { section, sources, sends } of medias.values()) {
    if (!sends) continue;
    for (const ssrc of sources.all) {
      if (seen.has(ssrc))
        throw new SdpError('MALFORMED', 'an SSRC is on two m-lines', section.index);
      seen.add(ssrc);
    }
  }
}

function readLines(
  description: SessionDescription,
  bundle: Bundle,
  medias: ReadonlyMap<Mid, OfferedMedia>,
  context: OfferContext,
): MLine[] {
  const wantsToReceive = [...medias.values()].some(({ sends, receives }) => receives && !sends);
  const bothWays = context.bothWays || wantsToReceive;
  const numbers = BundleNumbers.of(
    context.lines.flatMap((line) => (line.alive && line.sending ? [line.sending] : [])),
  );
  const receptions: Reception[] = [];
  let data = false;
  return description.sections.map((section) => {
    const mid = bundle.mids[section.index] ?? '';
    const before = context.lines[section.index];
    const current = before?.mid === mid && before.alive ? before : undefined;
    const dead = stopped(current ?? newLine(section, mid));
    if (section.kind === 'application') {
      const accepted = !data && context.sctp && bundle.alive.has(mid) && isDataSection(section);
      data ||= accepted;
      if (!accepted) return dead;
      return { ...dead, alive: true, maxMessageBytes: readMaxMessageBytes(section) };
    }
    const media = medias.get(mid);
    if (!media) return dead;
    const line = readRtpLine(media, dead, current, {
      router: context.router,
      numbers,
      others: receptions,
      bothWays,
      videoStartBitrateBps: context.videoStartBitrateBps,
      scalabilityMode: context.scalabilityModes.get(mid),
    });
    if (line.reception) receptions.push(line.reception);
    numbers.add(numbersOf(line));
    return line;
  });
}

function readRtpLine(
  media: OfferedMedia,
  dead: MLine,
  current: MLine | undefined,
  context: Parameters<typeof readReception>[1],
): MLine {
  const reception = media.sends ? readReception(media, context, current?.reception) : undefined;
  const sending = current?.sending && withinOffer(current.sending, media);
  const slot = readSlot(media);
  const idleCodecs = idleCodecsOf(media, context.router);
  const useful =
    reception !== undefined || sending !== undefined || (!media.sends && idleCodecs.length > 0);
  if (!useful && !(slot && idleCodecs.length > 0)) return dead;
  return {
    ...dead,
    alive: true,
    idleCodecs,
    idleExtensions: current?.idleExtensions?.filter(({ uri, id }) =>
      media.extensions.some((offered) => offered.uri === uri && offered.id === id),
    ),
    reducedSizeRtcp: media.reducedSizeRtcp,
    reception,
    silentReception: media.sends ? undefined : silentReception(media, current),
    sending,
    slot: dead.numberedBy === 'client' ? slot : undefined,
  };
}

/** What the client sent before, as far as its offer still lists it. */
function silentReception(media: OfferedMedia, current: MLine | undefined): Reception | undefined {
  const last = current?.reception ?? current?.silentReception;
  if (!last) return undefined;
  const codecs = last.codecs.filter(({ payloadType }) =>
    media.section.formats.includes(String(payloadType)),
  );
  const extensions = last.extensions.filter(({ uri, id }) =>
    media.extensions.some((offered) => offered.uri === uri && offered.id === id),
  );
  const rids = media.section.attributes.all('rid').map((value) => value.split(' ', 1)[0]);
  const layers = last.layers.filter(({ rid }) => rids.includes(rid));
  return codecs.length > 0 ? { ...last, codecs, extensions, layers } : undefined;
}

function newLine(section: MediaSection, mid: Mid): MLine {
  return {
    mid,
    kind: section.kind,
    protocol: section.protocol,
    // At least one format must be listed, also where the client listed none.
    formats: section.formats.length > 0 ? section.formats : ['0'],
    alive: false,
    numberedBy: 'client',
    idleCodecs: [],
    reducedSizeRtcp: false,
  };
}

/** With its feedback: browsers go on with what they heard of a codec, also when they begin to send. */
function idleCodecsOf(media: OfferedMedia, router: RtpCapabilities): MLine['idleCodecs'] {
  for (const { media: codec } of media.codecs) {
    const matched = findRouterCodec(codec, router);
    if (matched) return [{ ...codec, rtcpFeedback: commonFeedback(codec, matched) }];
  }
  return [];
}

/** The tracks that are received on some m-lines, by mid. */
export function receptionsOf(lines: readonly MLine[]): Map<Mid, Reception> {
  return new Map(
    lines.flatMap((line): [Mid, Reception][] =>
      line.reception ? [[line.mid, line.reception]] : [],
    ),
  );
}
