import { readFile } from 'node:fs/promises';
import type { Clock, Timer } from '@sluice/core';
import { CertificateRotation } from './certificate-rotation.js';
import {
  areEqual,
  expiryMs,
  flawIn,
  type CertificateFiles,
  type Certificates,
} from './certificates.js';

/** Certificates as they were at the start, and where they may change. */
export interface ConfiguredCertificates extends Certificates {
  readonly files: CertificateFiles;
}

/** Files are read rather than watched: a Secret that changes is a link to another folder. */
const READ_EVERY_MS = 2_000;

export interface CertificateObserver {
  /** What is shown from now on; once at the start as well. */
  shown(expiresAtS: number): void;
  /** New files are no good; the old ones stay. Once for each such state of the files. */
  refused(problem: string): void;
}

/**
 * Follows certificate files that change while the process runs. What is read counts once two reads in
 * a row agree on it, and only when it is whole: files are replaced one by one in places.
 */
export class CertificateWatch implements Certificates {
  readonly #rotation: CertificateRotation;
  readonly #listeners = new Set<(now: Certificates) => void>();
  readonly #timer: Timer;
  #held: Certificates;
  #lastRead: Certificates;
  #refused = '';
  #reading = false;
  #stopped = false;

  constructor(
    private readonly configured: ConfiguredCertificates,
    private readonly clock: Clock,
    private readonly observer: CertificateObserver,
  ) {
    this.#held = configured;
    this.#lastRead = configured;
    this.#rotation = new CertificateRotation(configured);
    this.#timer = clock.every(READ_EVERY_MS, () => void this.#look());
    observer.shown(expiryMs(configured) / 1_000);
  }

  get ca(): Buffer {
    return this.#held.ca;
  }

  get certificate(): Buffer {
    return this.#held.certificate;
  }

  get key(): Buffer {
    return this.#held.key;
  }

  /** Tells of each change from now on. @returns what ends it */
  readonly onChanged = (listener: (now: Certificates) => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  stop(): void {
    this.#stopped = true;
    this.#timer.cancel();
    this.#listeners.clear();
  }

  async #look(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    try {
      const next = await read(this.configured.files);
      if (!this.#stopped) this.#consider(next);
    } catch {
      this.#refuse('cannot be read');
    } finally {
      this.#reading = false;
    }
    if (!this.#stopped) this.#hold();
  }

  #consider(next: Certificates): void {
    const settled = areEqual(next, this.#lastRead);
    this.#lastRead = next;
    if (!settled) return;
    const flaw = flawIn(next);
    if (flaw) {
      this.#refuse(`${flaw.of} ${flaw.problem}`);
      return;
    }
    this.#refused = '';
    if (areEqual(next, this.#rotation.latest)) return;
    const nowMs = this.clock.nowMs();
    // An expiry is an instant of the calendar, and the one thing here that is.
    this.#rotation.take(next, nowMs, nowMs + expiryMs(this.#held) - Date.now());
  }

  #refuse(problem: string): void {
    if (!this.#stopped && problem !== this.#refused) this.observer.refused(problem);
    this.#refused = problem;
  }

  #hold(): void {
    const now = this.#rotation.at(this.clock.nowMs());
    if (areEqual(now, this.#held)) return;
    this.#held = now;
    this.observer.shown(expiryMs(now) / 1_000);
    for (const listener of this.#listeners) listener(now);
  }
}

async function read({ ca, certificate, key }: CertificateFiles): Promise<Certificates> {
  const [authority, chain, secret] = await Promise.all([
    ca === undefined ? Buffer.alloc(0) : readFile(ca),
    readFile(certificate),
    readFile(key),
  ]);
  return { ca: authority, certificate: chain, key: secret };
}
