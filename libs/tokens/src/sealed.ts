import { createHmac, timingSafeEqual } from 'node:crypto';
import { SluiceError } from '@sluice/core';
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
    const body = Buffer.from(JSON.stringify(content)).toString('base64url');
    return `${body}.${this.#mac(body).toString('base64url')}`;
  }

  /** @throws {SluiceError} UNAUTHENTICATED for anything that this cluster did not seal for this purpose. */
  open(sealed: string): Content {
    const [body = '', mac = ''] = sealed.split('.');
    const given = Buffer.from(mac, 'base64url');
    const expected = this.#mac(body);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw new SluiceError('UNAUTHENTICATED', `not a valid ${this.purpose}`);
    }
    return JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as Content;
  }

  #mac(body: string): Buffer {
    return createHmac('sha256', this.clusterSecret).update(`${this.purpose}\n${body}`).digest();
  }
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

export const relayTickets = (clusterSecret: string): Sealer<RelayTicket> =>
  new Sealer<RelayTicket>('relay ticket', clusterSecret);
export const resumeTokens = (clusterSecret: string): Sealer<ResumeContent> =>
  new Sealer<ResumeContent>('resume token', clusterSecret);
