import { ClientError } from './errors.js';

/** What a token says of its bearer. Only the server knows whether it is genuine. */
export interface Claims {
  readonly subject: string;
  readonly name: string | undefined;
  /** The one room it is for; undefined for any. */
  readonly room: string | undefined;
  readonly admin: boolean;
  readonly publish: boolean;
  /** May have cameras pulled. */
  readonly ingest: boolean;
  readonly expiresAtMs: number | undefined;
}

/** Reads a JWT without verifying it; undefined for anything else. */
export function readClaims(token: string): Claims | undefined {
  try {
    const payload = token.split('.')[1] ?? '';
    const bytes = Uint8Array.from(
      atob(payload.replace(/-/g, '+').replace(/_/g, '/')),
      (character) => character.charCodeAt(0),
    );
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof claims === 'object' && claims !== null ? toClaims({ ...claims }) : undefined;
  } catch {
    // Not base64 or not JSON: no token.
    return undefined;
  }
}

function toClaims(claims: Readonly<Record<string, unknown>>): Claims {
  const { sub, name, room, exp } = claims;
  return {
    subject: typeof sub === 'string' || typeof sub === 'number' ? String(sub) : '',
    name: typeof name === 'string' ? name : undefined,
    room: typeof room === 'string' && room !== '*' ? room : undefined,
    admin: claims['admin'] === true,
    publish: claims['publish'] !== false,
    ingest: claims['ingest'] === true,
    expiresAtMs: typeof exp === 'number' ? exp * 1_000 : undefined,
  };
}

export interface TokenWish {
  readonly subject: string;
  readonly name: string;
  readonly room: string;
  readonly publish: boolean;
  readonly subscribe: boolean;
}

/** Has the server issue a participant's token on the strength of an administrator's. */
export async function mintToken(url: string, adminToken: string, wish: TokenWish): Promise<string> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${adminToken}` },
    body: JSON.stringify(wish),
  }).catch((error: unknown) => {
    throw new ClientError('UNAVAILABLE', 'the server cannot be reached', { cause: error });
  });
  const body = (await response.json().catch(() => ({}))) as Readonly<Record<string, unknown>>;
  if (response.ok && typeof body['token'] === 'string') return body['token'];
  const code = typeof body['code'] === 'string' ? body['code'] : codeOfStatus(response.status);
  const detail = typeof body['detail'] === 'string' ? body['detail'] : 'no token was issued';
  throw new ClientError(code, detail);
}

function codeOfStatus(status: number): string {
  if (status === 401) return 'UNAUTHENTICATED';
  if (status === 403) return 'PERMISSION_DENIED';
  return 'UNAVAILABLE';
}
