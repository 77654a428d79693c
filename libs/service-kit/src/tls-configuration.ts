import { readFileSync } from 'node:fs';
import type { ConfiguredCertificates } from './certificate-watch.js';
import { flawIn } from './certificates.js';
import { ConfigurationError, isLoopback } from './configuration.js';

type Named = readonly [name: string, file: string | undefined];

interface GrpcTlsVariables {
  readonly SLUICE_GRPC_TLS_CA_FILE?: string | undefined;
  readonly SLUICE_GRPC_TLS_CERT_FILE?: string | undefined;
  readonly SLUICE_GRPC_TLS_KEY_FILE?: string | undefined;
  readonly SLUICE_GRPC_TLS_SERVER_NAME?: string | undefined;
  readonly SLUICE_GRPC_INSECURE: boolean;
}

export interface GrpcTls extends ConfiguredCertificates {
  readonly serverName: string | undefined;
}

/**
 * The mTLS files, read; undefined for clear text.
 *
 * @throws {ConfigurationError} when only some are set, one cannot be read or is no good, or clear text
 * would leave the host without the operator having said so.
 */
export function grpcTls(
  variables: GrpcTlsVariables,
  addresses: readonly string[],
): GrpcTls | undefined {
  const ca = named('SLUICE_GRPC_TLS_CA_FILE', variables.SLUICE_GRPC_TLS_CA_FILE);
  const certificate = named('SLUICE_GRPC_TLS_CERT_FILE', variables.SLUICE_GRPC_TLS_CERT_FILE);
  const key = named('SLUICE_GRPC_TLS_KEY_FILE', variables.SLUICE_GRPC_TLS_KEY_FILE);
  if ([ca, certificate, key].every(([, file]) => file === undefined)) {
    refuseClearText(variables.SLUICE_GRPC_INSECURE, addresses);
    return undefined;
  }
  const read = readCertificates({ ca, certificate, key });
  return { ...read, serverName: variables.SLUICE_GRPC_TLS_SERVER_NAME };
}

/**
 * A server's certificate and key, read; undefined where neither is named.
 *
 * @throws {ConfigurationError} when one is missing, cannot be read or is no good.
 */
export function serverTls(certificate: Named, key: Named): ConfiguredCertificates | undefined {
  if (certificate[1] === undefined && key[1] === undefined) return undefined;
  return readCertificates({ certificate, key });
}

interface NatsVariables {
  readonly SLUICE_NATS_URL: string;
  readonly SLUICE_NATS_CREDENTIALS_FILE?: string | undefined;
  readonly SLUICE_NATS_TLS_CA_FILE?: string | undefined;
  readonly SLUICE_NATS_TLS_CERT_FILE?: string | undefined;
  readonly SLUICE_NATS_TLS_KEY_FILE?: string | undefined;
}

/** How NATS is reached. @throws {ConfigurationError} when of certificate and key one is missing. */
export function natsAccess(variables: NatsVariables) {
  const caFile = variables.SLUICE_NATS_TLS_CA_FILE;
  const certFile = variables.SLUICE_NATS_TLS_CERT_FILE;
  const keyFile = variables.SLUICE_NATS_TLS_KEY_FILE;
  if ((certFile === undefined) !== (keyFile === undefined)) {
    const missing = certFile === undefined ? 'CERT' : 'KEY';
    throw new ConfigurationError([`SLUICE_NATS_TLS_${missing}_FILE: is required with the other`]);
  }
  return {
    url: variables.SLUICE_NATS_URL,
    credentialsFile: variables.SLUICE_NATS_CREDENTIALS_FILE,
    // The client reads the files at each connect.
    tls: (caFile ?? certFile) === undefined ? undefined : { caFile, certFile, keyFile },
  };
}

const named = (name: string, file: string | undefined): Named => [name, file];

function readCertificates(
  names: Readonly<{ ca?: Named; certificate: Named; key: Named }>,
): ConfiguredCertificates {
  const problems = Object.values(names)
    .filter(([, file]) => file === undefined)
    .map(([name]) => `${name}: is required with the other TLS files`);
  const read = (of?: Named): Buffer => {
    if (of?.[1] === undefined) return Buffer.alloc(0);
    try {
      return readFileSync(of[1]);
    } catch {
      problems.push(`${of[0]}: cannot be read`);
      return Buffer.alloc(0);
    }
  };
  const contents = {
    ca: read(names.ca),
    certificate: read(names.certificate),
    key: read(names.key),
  };
  const flaw = problems.length === 0 ? flawIn(contents) : undefined;
  if (flaw) problems.push(`${names[flaw.of]?.[0] ?? flaw.of}: ${flaw.problem}`);
  if (problems.length > 0) throw new ConfigurationError(problems);
  const { ca, certificate, key } = names;
  const files = { ca: ca?.[1], certificate: certificate[1] ?? '', key: key[1] ?? '' };
  return { ...contents, files };
}

function refuseClearText(insecure: boolean, addresses: readonly string[]): void {
  if (insecure || addresses.every(isLoopback)) return;
  throw new ConfigurationError([
    'SLUICE_GRPC_TLS_CA_FILE: is required beyond loopback (or SLUICE_GRPC_INSECURE=true)',
  ]);
}
