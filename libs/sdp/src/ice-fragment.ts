import { Attributes } from './attributes.js';
import { checkCandidate, writeCandidates } from './candidates.js';
import type { IceCandidate, IceParameters } from './dictionaries.js';
import { SdpError } from './errors.js';
import { readIceCredentials, type IceCredentials } from './ice.js';
import { sdpLimitsOf } from './limits.js';
import type { SdpLimits } from './negotiation-types.js';
import { linesOf } from './session-description.js';

/** What a client trickles (RFC 8840): a piece of an SDP that is about ICE alone. */
export interface IceFragment {
  /** Undefined where the client does not repeat them. */
  readonly credentials: IceCredentials | undefined;
  /** As `candidate:…`, checked. */
  readonly candidates: readonly string[];
  /** Its BUNDLE group and m-line, which an answer to it repeats. */
  readonly group: string | undefined;
  readonly mLine: string | undefined;
  readonly mid: string | undefined;
}

/** @throws {SdpError} MALFORMED, TOO_LARGE. */
export function readIceFragment(text: string, limits?: Partial<SdpLimits>): IceFragment {
  const { itemsPerMLine } = sdpLimitsOf(limits);
  const { session, media, mLine } = split(text, sdpLimitsOf(limits));
  const all = [session, ...media];
  const candidates = all
    .flatMap((attributes) => attributes.all('candidate'))
    .map((candidate) => `candidate:${candidate}`);
  if (candidates.length > itemsPerMLine) throw new SdpError('TOO_LARGE', 'too many candidates');
  for (const candidate of candidates) checkCandidate(candidate);
  const told = all.find((attributes) => attributes.has('ice-ufrag') || attributes.has('ice-pwd'));
  const credentials = told && readIceCredentials(told, session);
  const ended = all.some((attributes) => attributes.has('end-of-candidates'));
  if (!credentials && candidates.length === 0 && !ended) {
    throw new SdpError('MALFORMED', 'the fragment says nothing of ICE');
  }
  const [first] = media;
  const group = session.all('group').find((value) => /^BUNDLE( [!-~]{1,64}){0,128}$/.test(value));
  return { credentials, candidates, group, mLine, mid: first?.first('mid') };
}

function split(text: string, { sdpBytes, itemsPerMLine }: SdpLimits) {
  if (typeof text !== 'string') throw new SdpError('MALFORMED', 'the fragment is not text');
  if (text.length > sdpBytes) throw new SdpError('TOO_LARGE', 'the fragment is too large');
  const session = new Attributes();
  const media: Attributes[] = [];
  let mLine: string | undefined;
  for (const line of linesOf(text)) {
    if (line.startsWith('m=')) {
      mLine ??= line;
      media.push(new Attributes());
      if (media.length > itemsPerMLine) throw new SdpError('TOO_LARGE', 'too many m-lines');
    } else if (line.startsWith('a=')) (media.at(-1) ?? session).add(line.slice(2));
  }
  return { session, media, mLine };
}

/** Our side after the client restarted ICE with `asked`: new credentials and all candidates. */
export function writeIceFragment(
  iceParameters: IceParameters,
  iceCandidates: readonly IceCandidate[],
  { group, mLine, mid }: Pick<IceFragment, 'group' | 'mLine' | 'mid'>,
): string {
  const candidates = writeCandidates(iceCandidates).map(
    ({ foundation, component, transport, priority, ip, port, type, tcptype }) => {
      const tail = tcptype === undefined ? '' : ` tcptype ${tcptype}`;
      const address = `${ip} ${String(port)} typ ${type}${tail}`;
      return `a=candidate:${foundation} ${String(component)} ${transport} ${String(priority)} ${address}`;
    },
  );
  const lines = [
    'a=ice-lite',
    'a=ice-options:trickle renomination',
    ...(group === undefined ? [] : [`a=group:${group}`]),
    ...(mLine === undefined ? [] : [mLine]),
    ...(mLine === undefined || mid === undefined ? [] : [`a=mid:${mid}`]),
    `a=ice-ufrag:${iceParameters.usernameFragment}`,
    `a=ice-pwd:${iceParameters.password}`,
    ...candidates,
    'a=end-of-candidates',
  ];
  return `${lines.join('\r\n')}\r\n`;
}
