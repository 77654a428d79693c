import { SdpError } from './errors.js';
import type { Mid } from './negotiation-types.js';
import type { MediaSection, SessionDescription } from './session-description.js';

/** The m-lines of a description by mid, and which of them are alive in its one transport. */
export interface Bundle {
  /** Whether the description has a group at all; one m-line alone may do without. */
  readonly grouped: boolean;
  /** Mids in the order of m-lines; one for each. */
  readonly mids: readonly Mid[];
  readonly alive: ReadonlySet<Mid>;
  /** The m-line that speaks for the transport (RFC 8843 §7): the first of the group. */
  readonly tagged: MediaSection | undefined;
}

/** RFC 8843 wants tokens of at most 16 characters where mids travel in one-byte extensions. */
const MID = /^[!#-'*+\-.0-9A-Z^-~]{1,16}$/;

/**
 * Reads mids and the BUNDLE group. m-lines outside of the group are dead, as are those with port 0
 * that are not `a=bundle-only`.
 *
 * @throws {SdpError} MALFORMED for mids missing, doubled or out of form; UNSUPPORTED without BUNDLE.
 */
export function readBundle(description: SessionDescription): Bundle {
  const mids = description.sections.map(midOf);
  const byMid = new Map<Mid, MediaSection>();
  for (const section of description.sections) {
    const mid = midOf(section);
    if (byMid.has(mid)) throw new SdpError('MALFORMED', 'two m-lines have one mid', section.index);
    byMid.set(mid, section);
  }
  const group = readGroup(description);
  const alive = (group ?? loneMid(description)).filter((mid) => {
    const section = byMid.get(mid);
    return section !== undefined && (section.port !== 0 || section.attributes.has('bundle-only'));
  });
  const [first] = alive;
  if (group) checkGroup(group, byMid);
  return {
    grouped: group !== undefined,
    mids,
    alive: new Set(alive),
    tagged: first === undefined ? undefined : byMid.get(first),
  };
}

function midOf(section: MediaSection): Mid {
  const mid = section.attributes.first('mid');
  if (mid === undefined) throw new SdpError('MALFORMED', 'an m-line has no mid', section.index);
  if (!MID.test(mid))
    throw new SdpError('MALFORMED', 'an m-line has a malformed mid', section.index);
  return mid;
}

function readGroup(description: SessionDescription): readonly Mid[] | undefined {
  const groups = description.attributes
    .all('group')
    .filter((group) => group === 'BUNDLE' || group.startsWith('BUNDLE '));
  if (groups.length > 1) throw new SdpError('UNSUPPORTED', 'more than one BUNDLE group');
  return groups[0]
    ?.split(' ')
    .slice(1)
    .filter((mid) => mid !== '');
}

function checkGroup(group: readonly Mid[], byMid: ReadonlyMap<Mid, MediaSection>): void {
  if (new Set(group).size !== group.length || group.some((mid) => !byMid.has(mid))) {
    throw new SdpError('MALFORMED', 'the BUNDLE group does not match the m-lines');
  }
}

function loneMid(description: SessionDescription): Mid[] {
  const open = description.sections.filter((section) => section.port !== 0);
  if (open.length > 1) throw new SdpError('UNSUPPORTED', 'BUNDLE is required');
  return open.map(midOf);
}
