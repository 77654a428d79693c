import { X509Certificate, createPrivateKey } from 'node:crypto';

/** PEM contents: a certificate with its chain, its key, and who must have signed those of others. */
export interface Certificates {
  /** Empty where nobody else's certificate is checked. */
  readonly ca: Buffer;
  readonly certificate: Buffer;
  readonly key: Buffer;
}

/** Where they are read. */
export interface CertificateFiles {
  readonly ca: string | undefined;
  readonly certificate: string;
  readonly key: string;
}

/** Which of {@link Certificates} is no good, and why; undefined when all are. Quotes nothing of them. */
export function flawIn({
  ca,
  certificate,
  key,
}: Certificates): { readonly of: keyof Certificates; readonly problem: string } | undefined {
  const leaf = attempt(() => new X509Certificate(certificate));
  if (!leaf) return { of: 'certificate', problem: 'is no PEM certificate' };
  const secret = attempt(() => createPrivateKey(key));
  if (!secret) return { of: 'key', problem: 'is no PEM key' };
  if (!leaf.checkPrivateKey(secret)) {
    return { of: 'key', problem: 'does not belong to the certificate' };
  }
  if (ca.length > 0 && !attempt(() => new X509Certificate(ca))) {
    return { of: 'ca', problem: 'is no PEM certificate' };
  }
  return undefined;
}

/** When the certificate ends, in milliseconds since 1970. */
export function expiryMs({ certificate }: Pick<Certificates, 'certificate'>): number {
  return Date.parse(new X509Certificate(certificate).validTo);
}

export function areEqual(one: Certificates, other: Certificates): boolean {
  return (
    one.ca.equals(other.ca) &&
    one.certificate.equals(other.certificate) &&
    one.key.equals(other.key)
  );
}

function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}
