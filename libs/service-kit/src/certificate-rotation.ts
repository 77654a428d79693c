import type { Certificates } from './certificates.js';

/**
 * How long a certificate of a new authority waits until it is shown, so that others have read the new
 * authority by then: a kubelet brings a changed Secret to its pods within two minutes.
 */
export const SPREAD_MS = 180_000;
/** How long the old authority is believed: others wait for {@link SPREAD_MS} from when they read. */
export const BELIEVED_MS = 3 * SPREAD_MS;

interface Old {
  readonly ca: Buffer;
  readonly untilMs: number;
}

/**
 * What one process shows and believes while certificates change under a cluster, whose processes do
 * not read them at the same moment. A certificate of the same authority is shown at once. One of a
 * new authority is believed at once and shown later, and the old authority is believed meanwhile, so
 * that at every moment any two processes believe each other.
 */
export class CertificateRotation {
  #read: Certificates;
  #shown: Certificates;
  #showAtMs = 0;
  #old: readonly Old[] = [];

  constructor(first: Certificates) {
    this.#read = first;
    this.#shown = first;
  }

  /** What was read last. */
  get latest(): Certificates {
    return this.#read;
  }

  /** @param shownUntilMs when what is shown now ends, by the same clock as `nowMs` */
  take(next: Certificates, nowMs: number, shownUntilMs: number): void {
    const { ca } = this.#read;
    if (!ca.equals(next.ca)) {
      this.#old = [...this.#old, { ca, untilMs: nowMs + BELIEVED_MS }];
      this.#showAtMs = Math.min(nowMs + SPREAD_MS, Math.max(nowMs, shownUntilMs));
    }
    this.#read = next;
  }

  /** What holds at a moment. */
  at(nowMs: number): Certificates {
    if (nowMs >= this.#showAtMs) this.#shown = this.#read;
    this.#old = this.#old.filter(({ untilMs }) => nowMs < untilMs);
    const { certificate, key } = this.#shown;
    return { ca: this.#believed(), certificate, key };
  }

  #believed(): Buffer {
    const { ca } = this.#read;
    if (this.#old.length === 0) return ca;
    const all = [ca, ...this.#old.map((old) => old.ca)];
    return Buffer.concat(all.flatMap((pem) => [pem, NEW_LINE]));
  }
}

const NEW_LINE = Buffer.from('\n');
