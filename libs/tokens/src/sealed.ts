import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { SluiceError, type StreamName } from '@sluice/core';
import type { Identity } from './claims.js';

/**
 * What the cluster signs for itself to read again. `purpose` separates kinds, so that a relay ticket
 * is never taken for a resume token.
 */
export class Sealer<Content extends object> {
  constructor(
    private readonly purpose: string,
    private readonly clusterSecret: string,
  ) {}

  seal(content: Content): string {
    const serial = randomBytes(12).toString('base64url');
    const body = Buffer.from(JSON.stringify(content)).toString('base64url');
    const mac = this.#mac(`${serial}.${body}`);
    return `${serial}.${body}.${mac.toString('base64url')}`;
  }

  /** @throws {SluiceError} UNAUTHENTICATED for anything that this cluster did not seal for this purpose. */
  open(sealed: string): Content {
    const [serial = '', body = '', mac = '', ...rest] = sealed.split('.');
    const given = Buffer.from(mac, 'base64url');
    const expected = this.#mac(`${serial}.${body}`);
    const sameLength = given.length === expected.length && rest.length === 0;
    if (!sameLength || !timingSafeEqual(given, expected)) {
      throw new SluiceError('UNAUTHENTICATED', `not a valid ${this.purpose}`);
    }
    return JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as Content;
  }

  #mac(text: string): Buffer {
    return createHmac('sha256', this.clusterSecret).update(`${this.purpose}\n${text}`).digest();
  }
}

/** What tells one sealing from all others, also of the same content: for things that serve once. */
export function serialOf(sealed: string): string {
  return sealed.split('.', 1)[0] ?? '';
}

/** Proves that a pull of a stream was planned; bound to the puller's boot instead of to a wall clock. */
export interface RelayTicket {
  readonly streamKey: string;
  readonly epoch: number;
  readonly parentRouterId: string;
  readonly pullerNodeId: string;
  readonly pullerBootId: string;
  readonly pullerRouterId: string;
}

/** Lets any gateway take a signaling connection up again. */
export interface ResumeContent {
  readonly connectionId: string;
  readonly identity: Identity;
}

/** A session that a client made over HTTP and names by a URL: any gateway can serve it. */
export interface ResourceContent {
  readonly dialect: 'whip' | 'whep' | 'offered';
  readonly nodeId: string;
  readonly sessionId: string;
  readonly stream: StreamName;
  /** Whose token made it; undefined where the dialect needs none. */
  readonly subject: string | undefined;
}

export const resourceNames = (clusterSecret: string): Sealer<ResourceContent> =>
  new Sealer<ResourceContent>('resource name', clusterSecret);
export const relayTickets = (clusterSecret: string): Sealer<RelayTicket> =>
  new Sealer<RelayTicket>('relay ticket', clusterSecret);
export const resumeTokens = (clusterSecret: string): Sealer<ResumeContent> =>
  new Sealer<ResumeContent>('resume token', clusterSecret);
