import { ingestAddress } from '@sluice/core';
import { IngestFailure } from '../domain/ingests/ingest-failure.js';
import type { Credentials } from './authorization.js';

/** An rtsp or rtsps URL, its secrets apart. */
export interface CameraUrl {
  readonly tls: boolean;
  /** A name or an IP address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** As it goes into requests: without credentials. */
  readonly requestUri: string;
  readonly credentials: Credentials | undefined;
}

const DEFAULT_PORTS = { rtsp: 554, rtsps: 322 } as const;

/** @throws {IngestFailure} `malformed`. */
export function parseCameraUrl(text: string): CameraUrl {
  if (ingestAddress(text) === undefined) throw new IngestFailure('malformed');
  const url = new URL(text);
  const tls = url.protocol === 'rtsps:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const { username, password } = url;
  const named = username !== '' || password !== '';
  url.username = '';
  url.password = '';
  url.hash = '';
  return {
    tls,
    host,
    port: url.port === '' ? DEFAULT_PORTS[tls ? 'rtsps' : 'rtsp'] : Number(url.port),
    requestUri: url.href,
    credentials: named ? { username: decoded(username), password: decoded(password) } : undefined,
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A lone percent sign, meant as such.
    return text;
  }
}
