import { SluiceError } from '@sluice/core';

/** What is read of one m-line. */
export interface MediaSection {
  readonly kind: string;
  readonly mid: string;
  /** Whether the offerer sends on it. */
  readonly sends: boolean;
  readonly streamId: string | undefined;
  readonly trackId: string | undefined;
}

const DIRECTION = /^a=(sendrecv|sendonly|recvonly|inactive)$/;
const SENDING = ['a=sendrecv', 'a=sendonly'];

/** As many as a PeerConnection of a media node may have. */
const SECTIONS_MAX = 128;
/** Of an id that anybody may have announced. */
const ID_MAX_CHARACTERS = 512;

/**
 * The m-lines of an SDP. What else is wrong with it, whoever negotiates says.
 *
 * @throws {SluiceError} TOO_LARGE
 */
export function mediaSections(sdp: string): readonly MediaSection[] {
  const sections = sectionsOf(sdp);
  if (sections.length > SECTIONS_MAX) {
    throw new SluiceError('TOO_LARGE', `the SDP has more than ${SECTIONS_MAX} m-lines`);
  }
  return sections.map((lines) => {
    const value = (prefix: string) =>
      lines.find((line) => line.startsWith(prefix))?.slice(prefix.length);
    const ids = value('a=msid:') ?? '';
    const [streamId, trackId] = ids.length <= 2 * ID_MAX_CHARACTERS ? ids.split(' ') : [];
    const direction = lines.find((line) => DIRECTION.test(line)) ?? 'a=sendrecv';
    const [kind = '', port] = (value('m=') ?? '').split(' ');
    return {
      kind,
      mid: value('a=mid:') ?? '',
      sends: SENDING.includes(direction) && port !== '0',
      streamId: streamId === '' || streamId === '-' ? undefined : streamId,
      trackId,
    };
  });
}

/** Whether two ids of MediaStreams are the same: what an SDP cannot hold is percent-encoded there. */
export function isSameStream(one: string | undefined, other: string | undefined): boolean {
  return one === other || (one !== undefined && decoded(one) === decoded(other ?? ''));
}

function decoded(streamId: string): string {
  try {
    return decodeURIComponent(streamId);
  } catch {
    // A percent sign that encodes nothing.
    return streamId;
  }
}

/** The same offer, but that nothing is sent on those m-lines. */
export function withoutSending(sdp: string, mids: ReadonlySet<string>): string {
  if (mids.size === 0) return sdp;
  const [session = '', ...sections] = sdp.split(/^(?=m=)/m);
  const changed = sections.map((section) => {
    const mid = /^a=mid:(\S+)\r?$/m.exec(section)?.[1] ?? '';
    if (!mids.has(mid)) return section;
    return section
      .replace(/^a=sendrecv(\r?)$/m, 'a=recvonly$1')
      .replace(/^a=sendonly(\r?)$/m, 'a=inactive$1');
  });
  return [session, ...changed].join('');
}

function sectionsOf(sdp: string): readonly (readonly string[])[] {
  const [, ...sections] = sdp.split(/^(?=m=)/m);
  return sections.map((section) => section.split(/\r?\n/));
}
