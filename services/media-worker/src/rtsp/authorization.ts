import { createHash, randomBytes } from 'node:crypto';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

interface DigestChallenge {
  readonly scheme: 'digest';
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | undefined;
  readonly algorithm: 'MD5' | 'SHA-256';
  readonly namesAlgorithm: boolean;
  readonly qop: boolean;
}

export type Challenge = DigestChallenge | { readonly scheme: 'basic' };

const CHALLENGE_MAX_CHARACTERS = 2_048;

/** The best of what a camera asks for: digest before basic, SHA-256 before MD5. */
export function challengeOf(headers: readonly string[]): Challenge | undefined {
  const challenges = headers.flatMap((header) => {
    const challenge = parseChallenge(header);
    return challenge ? [challenge] : [];
  });
  const rank = (challenge: Challenge) =>
    challenge.scheme === 'basic' ? 0 : challenge.algorithm === 'MD5' ? 1 : 2;
  return challenges.sort((a, b) => rank(b) - rank(a))[0];
}

/** Counts requests under one nonce, as digests with `qop` must. */
export class Authorization {
  #count = 0;

  constructor(
    private readonly challenge: Challenge,
    private readonly credentials: Credentials,
    private readonly clientNonce: () => string = () => randomBytes(8).toString('hex'),
  ) {}

  /** The header's value for one request. */
  of(method: string, uri: string): string {
    const { username, password } = this.credentials;
    if (this.challenge.scheme === 'basic') {
      return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    }
    return this.#digest(this.challenge, method, uri);
  }

  #digest(challenge: DigestChallenge, method: string, uri: string): string {
    const { realm, nonce, opaque, algorithm, namesAlgorithm, qop } = challenge;
    const { username, password } = this.credentials;
    const hash = (text: string) =>
      createHash(algorithm === 'MD5' ? 'md5' : 'sha256')
        .update(text)
        .digest('hex');
    const secret = hash(`${username}:${realm}:${password}`);
    const request = hash(`${method}:${uri}`);
    const parts = [
      `username="${quoted(username)}"`,
      `realm="${realm}"`,
      `nonce="${nonce}"`,
      `uri="${uri}"`,
    ];
    if (qop) {
      this.#count += 1;
      const count = this.#count.toString(16).padStart(8, '0');
      const own = this.clientNonce();
      const response = hash(`${secret}:${nonce}:${count}:${own}:auth:${request}`);
      parts.push(`response="${response}"`, 'qop=auth', `nc=${count}`, `cnonce="${own}"`);
    } else {
      parts.push(`response="${hash(`${secret}:${nonce}:${request}`)}"`);
    }
    if (opaque !== undefined) parts.push(`opaque="${opaque}"`);
    if (namesAlgorithm) parts.push(`algorithm=${algorithm}`);
    return `Digest ${parts.join(', ')}`;
  }
}

function parseChallenge(header: string): Challenge | undefined {
  if (header.length > CHALLENGE_MAX_CHARACTERS) return undefined;
  const [, scheme = '', rest = ''] = /^\s*(\w+)\s*(.*)$/s.exec(header) ?? [];
  if (scheme.toLowerCase() === 'basic') return { scheme: 'basic' };
  if (scheme.toLowerCase() !== 'digest') return undefined;
  return digestOf(parametersIn(rest));
}

function parametersIn(text: string): Map<string, string> {
  const parameters = new Map<string, string>();
  const pattern = /([\w-]+)\s*=\s*(?:"([^"]*)"|([^\s,]+))/g;
  for (const [, name = '', inQuotes, bare = ''] of text.matchAll(pattern)) {
    parameters.set(name.toLowerCase(), inQuotes ?? bare);
  }
  return parameters;
}

function digestOf(parameters: ReadonlyMap<string, string>): DigestChallenge | undefined {
  const algorithm = parameters.get('algorithm')?.toUpperCase() ?? 'MD5';
  if (algorithm !== 'MD5' && algorithm !== 'SHA-256') return undefined;
  const [realm, nonce] = [parameters.get('realm'), parameters.get('nonce')];
  if (realm === undefined || nonce === undefined) return undefined;
  const qop = parameters.get('qop')?.split(',');
  if (qop?.every((word) => word.trim() !== 'auth')) return undefined;
  return {
    scheme: 'digest',
    realm,
    nonce,
    opaque: parameters.get('opaque'),
    algorithm,
    namesAlgorithm: parameters.has('algorithm'),
    qop: qop !== undefined,
  };
}

function quoted(text: string): string {
  return text.replace(/["\\]/g, '\\$&');
}
