import { SluiceError } from '@sluice/core';
import { grantsOf, type Identity } from '@sluice/tokens';
import type { TokenAuthority } from '../ports.js';

/** Every language in which clients are served. */
export const DIALECTS = ['rooms', 'sfu-to-sfu', 'pion-sfu', 'umbrella', 'whip', 'whep'] as const;
export type Dialect = (typeof DIALECTS)[number];

/** Those that may be opened to anybody. That of rooms begins with a token. */
export const ANONYMOUS_DIALECTS = DIALECTS.filter((dialect) => dialect !== 'rooms');

/** What a client showed of itself; both undefined when nothing. */
export interface Credentials {
  /** The header of that name. */
  readonly authorization?: string | undefined;
  /** A bare token, from the query or a first message. */
  readonly token?: string | undefined;
}

export interface AccessOptions {
  readonly tokens: TokenAuthority;
  readonly dialects: ReadonlySet<Dialect>;
  /** Those that may be used without a token. */
  readonly anonymousDialects: ReadonlySet<Dialect>;
  /** Told of everybody who asked to be let in, with `OK` or why not. */
  readonly onIdentified?: (dialect: Dialect, outcome: string) => void;
  /** A new unguessable id. */
  readonly newId: () => string;
}

/** Says who a client of any dialect is, and which dialects there are. */
export class Access {
  constructor(private readonly options: AccessOptions) {}

  isOn(dialect: Dialect): boolean {
    return this.options.dialects.has(dialect);
  }

  /** Whether `dialect` may be used without a token. */
  isOpen(dialect: Dialect): boolean {
    return this.isOn(dialect) && this.options.anonymousDialects.has(dialect);
  }

  /**
   * Who shows these credentials. Without any, where the dialect is open: somebody that nobody knows,
   * who may publish and subscribe in every room. A token that is not good is never taken for none.
   *
   * @throws {SluiceError} UNAUTHENTICATED, PERMISSION_DENIED where the dialect is switched off,
   * UNAVAILABLE when the keys of tokens cannot be had now.
   */
  async identify(dialect: Dialect, credentials: Credentials): Promise<Identity> {
    const { onIdentified } = this.options;
    try {
      const identity = await this.#identify(dialect, credentials);
      onIdentified?.(dialect, 'OK');
      return identity;
    } catch (error) {
      onIdentified?.(dialect, SluiceError.from(error).code);
      throw error;
    }
  }

  async #identify(dialect: Dialect, credentials: Credentials): Promise<Identity> {
    if (!this.isOn(dialect)) {
      throw new SluiceError('PERMISSION_DENIED', `the dialect ${dialect} is switched off`);
    }
    const token = tokenIn(credentials);
    if (token !== undefined) return this.options.tokens.verify(token);
    if (!this.isOpen(dialect)) {
      throw new SluiceError('UNAUTHENTICATED', 'send a token: Authorization: Bearer …, or ?token=');
    }
    return anonymous(this.options.newId());
  }
}

/** @throws {SluiceError} UNAUTHENTICATED for a header of another scheme. */
function tokenIn({ authorization, token }: Credentials): string | undefined {
  if (authorization === undefined) return token;
  const [scheme, bearer, ...rest] = authorization.split(' ');
  if (scheme?.toLowerCase() === 'bearer' && bearer && rest.length === 0) return bearer;
  throw new SluiceError('UNAUTHENTICATED', 'send a token: Authorization: Bearer …');
}

/** Marks subjects that no token stands for. */
const ANONYMOUS_PREFIX = 'anonymous-';

function anonymous(id: string): Identity {
  const subject = `${ANONYMOUS_PREFIX}${id}`;
  const grants = grantsOf(['publish', 'subscribe']);
  return { subject, name: subject, room: '*', grants, expiresAtS: Number.MAX_SAFE_INTEGER };
}

/** Whether it is somebody that nobody knows: such a client may call itself what it likes. */
export function isAnonymous({ subject, expiresAtS }: Identity): boolean {
  return subject.startsWith(ANONYMOUS_PREFIX) && expiresAtS === Number.MAX_SAFE_INTEGER;
}
