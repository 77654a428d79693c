import { SdpError } from './errors.js';
import type { MediaSection } from './session-description.js';

/** A media source (SSRC) and the one that repairs it. */
export interface Source {
  readonly ssrc: number;
  readonly rtxSsrc: number | undefined;
}

/** The SSRCs that an m-line announces (RFC 5576). */
export interface Sources {
  /** Layers of simulcast by `ssrc-group:SIM`, lowest first, or one source; empty if none is told. */
  readonly media: readonly Source[];
  readonly all: readonly number[];
  readonly cname: string | undefined;
  /** `msid` of the first SSRC that has one, as Plan B and older clients write it. */
  readonly msid: string | undefined;
}

const MAX_LAYERS = 4;
const SSRC = /^(\d{1,10}) ([A-Za-z0-9_-]{1,64})(?::(.*))?$/;
const GROUP = /^([A-Za-z0-9-]{1,32})((?: \d{1,10})+)$/;
const CNAME = /^[!-~]{1,255}$/;

/** @throws {SdpError} MALFORMED for SSRCs out of range, TOO_LARGE for too many. */
export function readSources(section: MediaSection, itemsPerMLine: number): Sources {
  const announced = new Set<number>();
  let cname: string | undefined;
  let msid: string | undefined;
  for (const line of section.attributes.all('ssrc')) {
    const [, digits, attribute, value = ''] = SSRC.exec(line) ?? [];
    if (digits === undefined) continue;
    announced.add(checkedSsrc(digits, section));
    if (attribute === 'cname' && CNAME.test(value)) cname ??= value;
    if (attribute === 'msid') msid ??= value;
  }
  const groups = readGroups(section);
  for (const ssrc of groups.flatMap((group) => group.ssrcs)) announced.add(ssrc);
  if (announced.size > itemsPerMLine) {
    throw new SdpError('TOO_LARGE', 'too many SSRCs on an m-line', section.index);
  }
  return { media: mediaSources(announced, groups), all: [...announced], cname, msid };
}

interface Group {
  readonly semantics: string;
  readonly ssrcs: readonly number[];
}

function readGroups(section: MediaSection): Group[] {
  return section.attributes.all('ssrc-group').flatMap((line) => {
    const [, semantics, list] = GROUP.exec(line) ?? [];
    if (semantics === undefined || list === undefined) return [];
    return [
      {
        semantics,
        ssrcs: list
          .slice(1)
          .split(' ')
          .map((ssrc) => checkedSsrc(ssrc, section)),
      },
    ];
  });
}

function mediaSources(announced: ReadonlySet<number>, groups: readonly Group[]): Source[] {
  const rtxBySsrc = new Map<number, number>();
  const repairing = new Set<number>();
  const repaired = new Set<number>();
  for (const { semantics, ssrcs } of groups) {
    if (semantics === 'SIM') continue;
    const [media, repair] = ssrcs;
    if (media === undefined || repair === undefined || media === repair) continue;
    repairing.add(repair);
    if (semantics !== 'FID' || repaired.has(repair)) continue;
    repaired.add(repair);
    rtxBySsrc.set(media, repair);
  }
  const layers = groups.find((group) => group.semantics === 'SIM')?.ssrcs;
  const media = layers ?? [...announced].filter((ssrc) => !repairing.has(ssrc)).slice(0, 1);
  return [...new Set(media)]
    .filter((ssrc) => !repairing.has(ssrc))
    .slice(0, MAX_LAYERS)
    .map((ssrc) => ({ ssrc, rtxSsrc: rtxBySsrc.get(ssrc) }));
}

function checkedSsrc(digits: string, section: MediaSection): number {
  const ssrc = Number(digits);
  if (ssrc < 1 || ssrc > 0xffff_ffff) {
    throw new SdpError('MALFORMED', 'an SSRC is out of range', section.index);
  }
  return ssrc;
}
