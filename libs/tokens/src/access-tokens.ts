import {
  SignJWT,
  createRemoteJWKSet,
  errors,
  jwtVerify,
  type JWTPayload,
  type JWTVerifyGetKey,
} from 'jose';
import { SluiceError, hasCode, parseName } from '@sluice/core';
import { GRANTS, grantsOf, type Grants, type Identity } from './claims.js';

export interface AccessTokenOptions {
  /** HS256 secret; needed to issue tokens. */
  readonly secret?: string | undefined;
  /** Where ES256 and EdDSA keys are published. */
  readonly jwksUrl?: string | undefined;
  /** How long an unknown key id waits until the keys are fetched again. */
  readonly jwksCooldownMs?: number | undefined;
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
  /** For tokens that name no grants at all, as those of other systems' backends. */
  readonly defaultGrants?: Partial<Grants> | undefined;
}

/** A new key is usable this soon, and unknown key ids cause no more fetches than this. */
const JWKS_COOLDOWN_MS = 5_000;
const JWKS_TIMEOUT_MS = 3_000;
/** How far the issuer's clock may be off, in seconds. */
const CLOCK_TOLERANCE_S = 30;
/** No token of ours is longer; a longer one is not even parsed. */
const TOKEN_MAX_CHARACTERS = 8_192;

export interface TokenRequest {
  readonly subject: string;
  readonly name?: string | undefined;
  readonly room?: string | undefined;
  readonly publish?: boolean | undefined;
  readonly subscribe?: boolean | undefined;
  readonly host?: boolean | undefined;
  readonly admin?: boolean | undefined;
  readonly create?: boolean | undefined;
  readonly ingest?: boolean | undefined;
  readonly ttlSeconds?: number | undefined;
}

/** Issues and verifies the tokens that clients bring. */
export class AccessTokens {
  readonly #secret: Uint8Array | undefined;
  readonly #jwks: JWTVerifyGetKey | undefined;

  constructor(private readonly options: AccessTokenOptions) {
    this.#secret =
      options.secret === undefined ? undefined : new TextEncoder().encode(options.secret);
    this.#jwks =
      options.jwksUrl === undefined
        ? undefined
        : createRemoteJWKSet(new URL(options.jwksUrl), {
            timeoutDuration: JWKS_TIMEOUT_MS,
            cooldownDuration: options.jwksCooldownMs ?? JWKS_COOLDOWN_MS,
          });
  }

  /** @throws {SluiceError} INVALID_STATE when the cluster only verifies somebody else's tokens. */
  async issue(request: TokenRequest): Promise<string> {
    if (!this.#secret) {
      throw new SluiceError(
        'INVALID_STATE',
        'this cluster issues no tokens: it has no HS256 secret',
      );
    }
    const jwt = new SignJWT({
      name: request.name ?? request.subject,
      room: request.room ?? '*',
      publish: request.publish ?? true,
      subscribe: request.subscribe ?? true,
      host: request.host ?? false,
      ...(request.admin ? { admin: true } : {}),
      ...(request.create ? { create: true } : {}),
      ...(request.ingest ? { ingest: true } : {}),
    })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setSubject(request.subject)
      .setIssuedAt()
      .setExpirationTime(`${String(request.ttlSeconds ?? 3_600)}s`);
    if (this.options.issuer !== undefined) jwt.setIssuer(this.options.issuer);
    if (this.options.audience !== undefined) jwt.setAudience(this.options.audience);
    return jwt.sign(this.#secret);
  }

  /**
   * @throws {SluiceError} UNAUTHENTICATED saying why, without a word of the token; UNAVAILABLE when the
   * keys cannot be fetched now.
   */
  async verify(token: string): Promise<Identity> {
    if (token.length > TOKEN_MAX_CHARACTERS) throw unauthenticated('token too long');
    try {
      return this.#identityOf(await this.#payloadOf(token));
    } catch (error) {
      if (hasCode(error, 'UNAUTHENTICATED')) throw error;
      if (keysAreAway(error)) {
        throw new SluiceError(
          'UNAVAILABLE',
          'the keys of tokens cannot be fetched now',
          {},
          { cause: error },
        );
      }
      throw unauthenticated(reasonOf(error), error);
    }
  }

  async #payloadOf(token: string): Promise<JWTPayload> {
    const checks = {
      clockTolerance: CLOCK_TOLERANCE_S,
      requiredClaims: ['exp', 'sub'],
      ...(this.options.issuer === undefined ? {} : { issuer: this.options.issuer }),
      ...(this.options.audience === undefined ? {} : { audience: this.options.audience }),
    };
    // The header's algorithm picks the key, each key has its own allow-list: no confusion possible.
    if (this.#secret && algorithmOf(token) === 'HS256') {
      return (await jwtVerify(token, this.#secret, { ...checks, algorithms: ['HS256'] })).payload;
    }
    if (this.#jwks) {
      const options = { ...checks, algorithms: ['ES256', 'EdDSA'] };
      return (await jwtVerify(token, this.#jwks, options)).payload;
    }
    throw unauthenticated('algorithm not allowed');
  }

  #identityOf(payload: JWTPayload): Identity {
    const subject = parseName('participant', String(payload.sub));
    const room = payload['room'] ?? '*';
    const name = payload['name'] ?? subject;
    if (typeof room !== 'string' || typeof name !== 'string' || name.length > 256) {
      throw unauthenticated('malformed claims');
    }
    return { subject, name, room, grants: this.#grantsOf(payload), expiresAtS: payload.exp ?? 0 };
  }

  #grantsOf(payload: JWTPayload): Grants {
    const { defaultGrants } = this.options;
    const named = GRANTS.some((name) => payload[name] !== undefined);
    const granted = (name: keyof Grants) =>
      named ? payload[name] === true : (defaultGrants?.[name] ?? false);
    return grantsOf(GRANTS.filter(granted));
  }
}

function algorithmOf(token: string): string | undefined {
  try {
    const header: unknown = JSON.parse(
      Buffer.from(token.split('.', 1)[0] ?? '', 'base64url').toString('utf8'),
    );
    return (header as { alg?: string } | null)?.alg;
  } catch {
    // Not a JWT; the verification says so in its own words.
    return undefined;
  }
}

/** What `createRemoteJWKSet` throws when it has no keys at all. */
function keysAreAway(error: unknown): boolean {
  if (error instanceof SluiceError) return false;
  return (
    !(error instanceof errors.JOSEError) ||
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid ||
    error.code === 'ERR_JOSE_GENERIC'
  );
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'token expired';
  if (error instanceof errors.JWTClaimValidationFailed) return `claim ${error.claim} not accepted`;
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'bad signature';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'algorithm not allowed';
  if (error instanceof errors.JWKSNoMatchingKey) return 'unknown key';
  return 'malformed token';
}

function unauthenticated(reason: string, cause?: unknown): SluiceError {
  return new SluiceError('UNAUTHENTICATED', reason, {}, { cause });
}
