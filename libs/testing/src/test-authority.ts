import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** PEM contents of a certificate, its key, and who signed it. */
export interface IssuedCertificate {
  readonly ca: Buffer;
  readonly certificate: Buffer;
  readonly key: Buffer;
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** A certificate authority of its own, by openssl. */
export class TestAuthority {
  readonly #folder = mkdtempSync(join(tmpdir(), 'sluice-authority-'));
  readonly ca: Buffer;

  constructor(name = 'authority') {
    const files = ['-keyout', 'ca.key', '-out', 'ca.pem'];
    this.#openssl('req', '-x509', ...KEY, '-subj', `/CN=${name}`, '-days', '2', ...files);
    this.ca = this.#read('ca.pem');
  }

  /** `subjectAltName` as openssl takes it, such as `DNS:sluice-internal`. */
  issue(subjectAltName: string, days = 2): IssuedCertificate {
    writeFileSync(join(this.#folder, 'extensions'), `subjectAltName=${subjectAltName}\n`);
    this.#openssl('req', ...KEY, '-subj', '/CN=service', '-keyout', 'key', '-out', 'request');
    const signer = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
    const made = ['-days', String(days), '-extfile', 'extensions', '-out', 'certificate'];
    this.#openssl('x509', '-req', '-in', 'request', ...signer, ...made);
    return { ca: this.ca, certificate: this.#read('certificate'), key: this.#read('key') };
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }

  #read(file: string): Buffer {
    return readFileSync(join(this.#folder, file));
  }

  #openssl(...parameters: string[]): void {
    execFileSync('openssl', parameters, { cwd: this.#folder, stdio: 'ignore' });
  }
}
