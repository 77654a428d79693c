import { SluiceError, ingestAddress } from '@sluice/core';

/** The servers to which this cluster keeps trunks: one list for all gateways. */
export interface ServerList {
  /** As last heard; empty until it was read. */
  readonly servers: readonly string[];
  /** @throws {SluiceError} UNAVAILABLE */
  replace(servers: readonly string[]): Promise<void>;
}

const SERVERS_MAX = 64;
const URL_MAX_CHARACTERS = 2_048;

/** What the list is made of. */
export interface ListedServers {
  /** To dial. */
  readonly trunks: readonly string[];
  /** To pull from. */
  readonly cameras: readonly string[];
}

/**
 * The list as a client wants it, each entry once.
 *
 * @throws {SluiceError} INVALID_ARGUMENT saying which entry, and nothing of it: it may have a token.
 */
export function requireServers(servers: readonly string[]): ListedServers {
  if (servers.length > SERVERS_MAX) {
    throw new SluiceError('TOO_LARGE', `there may be ${SERVERS_MAX} servers`);
  }
  for (const [index, server] of servers.entries()) {
    if (isTrunk(server) || isCamera(server)) continue;
    const kinds = 'a wss:// or ws:// URL that ends with /wsb, or an rtsp:// URL';
    throw new SluiceError('INVALID_ARGUMENT', `server ${index + 1} must be ${kinds}`);
  }
  const once = [...new Set(servers)];
  return {
    trunks: once.filter((server) => !isCamera(server)),
    cameras: once.filter((server) => isCamera(server)),
  };
}

function isCamera(server: string): boolean {
  return ingestAddress(server) !== undefined;
}

function isTrunk(server: string): boolean {
  if (server.length > URL_MAX_CHARACTERS || !URL.canParse(server)) return false;
  const { protocol, pathname, username, password, hash } = new URL(server);
  const plain = username === '' && password === '' && hash === '';
  return plain && ['wss:', 'ws:'].includes(protocol) && pathname.endsWith('/wsb');
}

/** A trunk's address as anybody may read it: without its token. */
export function withoutSecrets(server: string): string {
  const url = new URL(server);
  for (const name of ['token', 'access_token']) {
    if (url.searchParams.has(name)) url.searchParams.set(name, '…');
  }
  return decodeURI(url.href);
}
