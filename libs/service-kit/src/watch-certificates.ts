import { Gauge, type Registry } from 'prom-client';
import { systemClock, type Lifecycle } from '@sluice/core';
import { CertificateWatch, type ConfiguredCertificates } from './certificate-watch.js';
import type { Logger } from './logger.js';
import type { GrpcTls } from './tls-configuration.js';

/** Whose certificate: towards other services, or towards clients. */
export type CertificateUse = 'grpc' | 'clients';

export type CertificateGauge = Gauge<'use'>;

/** When the certificates in use end; empty where none are. */
export function certificateGauge(registry: Registry): CertificateGauge {
  return new Gauge({
    name: 'sluice_certificate_expiry_timestamp_seconds',
    help: 'When the certificate that is shown ends, in seconds since 1970',
    labelNames: ['use'],
    registers: [registry],
  });
}

interface Parts {
  readonly lifecycle: Lifecycle;
  readonly log: Logger;
  readonly metrics: { readonly certificates: CertificateGauge };
}

/** Follows the files for as long as the service runs, and says so in its log and metrics. */
export function watchCertificates(
  configured: ConfiguredCertificates,
  use: CertificateUse,
  { lifecycle, log, metrics }: Parts,
): CertificateWatch {
  let known = false;
  const watch = new CertificateWatch(configured, systemClock, {
    shown: (expiresAtS) => {
      const expires = new Date(expiresAtS * 1_000).toISOString();
      if (known) log.info({ use, expires }, 'certificates have changed');
      known = true;
      metrics.certificates.set({ use }, expiresAtS);
    },
    refused: (problem) => log.warn({ use, problem }, 'changed certificate files are not used'),
  });
  lifecycle.started(`certificates for ${use}`, 500, () => watch.stop());
  return watch;
}

/** Those between services, as gRPC takes them; undefined for clear text. */
export function watchGrpcTls(configured: GrpcTls | undefined, parts: Parts) {
  if (!configured) return undefined;
  const { serverName } = configured;
  return Object.assign(watchCertificates(configured, 'grpc', parts), { serverName });
}
