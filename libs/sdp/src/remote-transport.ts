import type { Bundle } from './bundle.js';
import type { DtlsFingerprint, DtlsRole } from './dictionaries.js';
import { SdpError } from './errors.js';
import { readFingerprints } from './fingerprint.js';
import { readIceCredentials, type IceCredentials } from './ice.js';
import type { MediaSection, SessionDescription } from './session-description.js';

/** What a description of the client says of its end of the transport. */
export interface RemoteTransport {
  readonly ice: IceCredentials;
  readonly fingerprints: readonly DtlsFingerprint[];
  /** The client's role: `auto` where it leaves the choice to us. */
  readonly dtlsRole: DtlsRole;
}

const DTLS_ROLES: ReadonlyMap<string, DtlsRole> = new Map([
  ['actpass', 'auto'],
  ['active', 'client'],
  ['passive', 'server'],
]);

/**
 * Reads ICE and DTLS of the m-line that speaks for the BUNDLE, or of the session; undefined where
 * no m-line is alive.
 *
 * @throws {SdpError} MALFORMED, UNSUPPORTED.
 */
export function readRemoteTransport(
  description: SessionDescription,
  bundle: Bundle,
): RemoteTransport | undefined {
  const { tagged } = bundle;
  if (!tagged) return undefined;
  const own = tagged.attributes.has('fingerprint') ? tagged.attributes : description.attributes;
  return {
    ice: readIceCredentials(tagged.attributes, description.attributes),
    fingerprints: readFingerprints(own),
    dtlsRole: readDtlsRole(description, tagged),
  };
}

function readDtlsRole(description: SessionDescription, tagged: MediaSection): DtlsRole {
  const setup = tagged.attributes.first('setup') ?? description.attributes.first('setup');
  const role = setup === undefined ? undefined : DTLS_ROLES.get(setup);
  if (role === undefined) {
    throw new SdpError('MALFORMED', 'a=setup is missing or unknown', tagged.index);
  }
  return role;
}
