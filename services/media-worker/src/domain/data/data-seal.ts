import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { DataMessage } from './channel-table.js';

/** What crosses a pipe is not encrypted by SCTP, so each message is: by a key of its source alone. */
const ALGORITHM = 'aes-256-gcm';
export const SEAL_KEY_BYTES = 32;
const COUNTER_BYTES = 8;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const PPID_BYTES = 1;
/** How much larger a message is sealed. */
export const SEAL_BYTES = COUNTER_BYTES + PPID_BYTES + TAG_BYTES;
/** How far a message may fall behind others and still count as new. */
const WINDOW = 4_096;

/** Encrypts the messages of one channel at its origin, and counts them. */
export class Sealer {
  readonly key = randomBytes(SEAL_KEY_BYTES);
  #count = 0;

  seal({ ppid, payload }: DataMessage): Buffer {
    this.#count += 1;
    const nonce = nonceOf(this.#count);
    const cipher = createCipheriv(ALGORITHM, this.key, nonce);
    const text = [cipher.update(Buffer.from([ppid])), cipher.update(payload), cipher.final()];
    return Buffer.concat([nonce.subarray(-COUNTER_BYTES), ...text, cipher.getAuthTag()]);
  }
}

export interface Unsealed {
  readonly message: DataMessage;
  /** Its place among all; the first is 1. */
  readonly count: number;
}

/** Opens what a {@link Sealer} sealed, by whatever way it comes, each message once. */
export class Unsealer {
  readonly #seen = new Set<number>();
  #highest: number | undefined;

  constructor(private readonly key: Uint8Array) {}

  /** Undefined for what was not sealed with the key, and for what was seen before. */
  open(sealed: Buffer): Unsealed | undefined {
    if (sealed.length < SEAL_BYTES) return undefined;
    const count = Number(sealed.readBigUInt64BE(0));
    if (this.#isOld(count)) return undefined;
    const message = this.#decrypt(sealed, count);
    if (!message) return undefined;
    this.#remember(count);
    return { message, count };
  }

  #isOld(count: number): boolean {
    return this.#seen.has(count) || count <= (this.#highest ?? 0) - WINDOW;
  }

  #remember(count: number): void {
    this.#highest = Math.max(count, this.#highest ?? 0);
    this.#seen.add(count);
    if (this.#seen.size <= 2 * WINDOW) return;
    for (const old of this.#seen) if (old <= this.#highest - WINDOW) this.#seen.delete(old);
  }

  #decrypt(sealed: Buffer, count: number): DataMessage | undefined {
    const decipher = createDecipheriv(ALGORITHM, this.key, nonceOf(count));
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    try {
      const text = decipher.update(sealed.subarray(COUNTER_BYTES, -TAG_BYTES));
      decipher.final();
      return { ppid: text.readUInt8(0), payload: text.subarray(PPID_BYTES) };
    } catch {
      return undefined;
    }
  }
}

function nonceOf(count: number): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeBigUInt64BE(BigInt(count), NONCE_BYTES - COUNTER_BYTES);
  return nonce;
}
