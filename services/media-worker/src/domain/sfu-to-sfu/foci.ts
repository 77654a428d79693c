import { SluiceError, parseName, type StreamName } from '@sluice/core';

/** Another server that this one may pull streams from. */
export interface Focus {
  /** As clients name it: host and port. */
  readonly host: string;
  /** Of its `/createSession`. */
  readonly url: string;
  /** What it is shown, if anything. */
  readonly token: string | undefined;
}

export interface FociPolicy {
  /** This cluster's own names. */
  readonly own: readonly string[];
  readonly allowed: readonly Focus[];
}

/**
 * From which server a client wants a stream: undefined for this cluster. Of several the first that
 * will do.
 *
 * @throws {SluiceError} PERMISSION_DENIED for one that the operator does not allow to be dialled.
 */
export function chooseFocus(foci: readonly string[], policy: FociPolicy): Focus | undefined {
  const names = foci.map((focus) => focus.toLowerCase());
  if (names.length === 0 || names.some((name) => policy.own.includes(name))) return undefined;
  const focus = policy.allowed.find(({ host }) => names.includes(host));
  if (focus) return focus;
  throw new SluiceError('PERMISSION_DENIED', 'this server may not pull streams from there');
}

/**
 * What a stream of another server is called here: in a room that is no call's, so that nobody takes
 * it for a stream of this server, and so that nobody who pulls from here gets it, which keeps pulls
 * from going in a circle.
 *
 * @throws {SluiceError} INVALID_ARGUMENT when that is too long.
 */
export function pulledName({ room, participant, purpose }: StreamName, focus: Focus): StreamName {
  return { room: parseName('room', `${focus.host}/${room}`), participant, purpose };
}

/**
 * Pulls do not chain: who wants what this cluster pulls from another server asks that one. Otherwise
 * servers that pull from each other would send a stream round and round.
 *
 * @throws {SluiceError} INVALID_STATE for the name of a stream that is pulled, or would be by whoever
 * pulls it from here.
 */
export function refuseLoop({ room }: StreamName, { own, allowed }: FociPolicy): void {
  const hosts = [...own, ...allowed.map(({ host }) => host)];
  const host = hosts.find((candidate) => room.toLowerCase().startsWith(`${candidate}/`));
  if (host === undefined) return;
  throw new SluiceError('INVALID_STATE', `Loop refused: ask ${host} for its streams`);
}

/**
 * One entry of the configuration: `host:port`, or a URL, whose password is a bearer token.
 *
 * @throws when it is neither.
 */
export function parseFocus(text: string): Focus {
  const url = new URL(text.includes('://') ? text : `https://${text}`);
  if ((url.protocol !== 'https:' && url.protocol !== 'http:') || url.hostname === '') {
    throw new Error('not an http(s) URL');
  }
  const token = url.password === '' ? undefined : decodeURIComponent(url.password);
  return { host: url.host, url: `${url.protocol}//${url.host}/createSession`, token };
}
