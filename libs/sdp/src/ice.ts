import type { Attributes } from './attributes.js';
import { SdpError } from './errors.js';

/** A client's ICE credentials; others than before mean that it restarts ICE. */
export interface IceCredentials {
  readonly usernameFragment: string;
  readonly password: string;
}

/** RFC 8839 §5.4: ice-char, 4 to 256 and 22 to 256 of them. */
const USERNAME_FRAGMENT = /^[A-Za-z0-9+/]{4,256}$/;
const PASSWORD = /^[A-Za-z0-9+/]{22,256}$/;

/** @throws {SdpError} MALFORMED when missing or out of form. */
export function readIceCredentials(media: Attributes, session: Attributes): IceCredentials {
  const usernameFragment = media.first('ice-ufrag') ?? session.first('ice-ufrag');
  const password = media.first('ice-pwd') ?? session.first('ice-pwd');
  if (usernameFragment === undefined || !USERNAME_FRAGMENT.test(usernameFragment)) {
    throw new SdpError('MALFORMED', 'ice-ufrag is missing or malformed');
  }
  if (password === undefined || !PASSWORD.test(password)) {
    throw new SdpError('MALFORMED', 'ice-pwd is missing or malformed');
  }
  return { usernameFragment, password };
}

/** Whether two sets of credentials are of one ICE generation. */
export function sameIceCredentials(some: IceCredentials, other: IceCredentials): boolean {
  return some.usernameFragment === other.usernameFragment && some.password === other.password;
}
