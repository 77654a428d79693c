import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { SluiceError } from '@sluice/core';

const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * What only the cluster itself may read, wherever it is kept meanwhile: encrypted and signed by a key
 * that is made of the cluster's secret. `purpose` separates kinds, as with {@link Sealer}.
 */
export class SecretBox {
  readonly #key: Buffer;

  constructor(
    private readonly purpose: string,
    clusterSecret: string,
  ) {
    this.#key = Buffer.from(hkdfSync('sha256', clusterSecret, '', `sluice ${purpose}`, KEY_BYTES));
  }

  close(text: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#key, nonce);
    const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url');
  }

  /** @throws {SluiceError} UNAUTHENTICATED for anything that this cluster did not close for this purpose. */
  open(closed: string): string {
    const bytes = Buffer.from(closed, 'base64url');
    const nonce = bytes.subarray(0, NONCE_BYTES);
    const tag = bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
    try {
      const options = { authTagLength: TAG_BYTES };
      const decipher = createDecipheriv(ALGORITHM, this.#key, nonce, options);
      decipher.setAuthTag(tag);
      const body = bytes.subarray(NONCE_BYTES + TAG_BYTES);
      return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8');
    } catch (error) {
      const message = `not a valid ${this.purpose}`;
      throw new SluiceError('UNAUTHENTICATED', message, {}, { cause: error });
    }
  }
}

/** URLs of cameras, whose credentials nobody else is to see. */
export const ingestUrls = (clusterSecret: string): SecretBox =>
  new SecretBox('ingest URL', clusterSecret);
