import { join } from 'node:path';
import type { Environment } from './environment.js';
import { LOOPBACK } from './loopback-port.js';
import type { Addresses, ServiceProgram } from './service-process.js';

/** What every service of a cluster shares. */
export interface ClusterFacts {
  readonly repositoryRoot: string;
  /** The caller's environment, which all services inherit. */
  readonly environment: Environment;
  /** More variables for one service, by its name or its kind. */
  readonly overrides: Readonly<Record<string, Environment>>;
  /** Words before a service's command, by its name. */
  readonly wrappers: Readonly<Record<string, readonly string[]>>;
  readonly clusterSecret: string;
  readonly tokenSecret: string;
  readonly natsUrl: string;
}

/** 0 lets the system choose. */
type Port = number;

export function natsServer(
  facts: Pick<ClusterFacts, 'environment'>,
  dataFolder: string,
  port: Port,
): ServiceProgram {
  return {
    name: 'nats',
    command: facts.environment['SLUICE_NATS_SERVER'] || 'nats-server',
    // -1 is nats-server's word for any free port.
    args: ['-a', LOOPBACK, '-p', String(port || -1), '-js', '-sd', dataFolder],
    environment: facts.environment,
    addressesIn: natsAddress,
  };
}

export function directory(facts: ClusterFacts, name: string, port: Port): ServiceProgram {
  return service(facts, 'directory', name, 'stream-directory', {
    SLUICE_GRPC_LISTEN: `${LOOPBACK}:${port}`,
  });
}

export function mediaNode(
  facts: ClusterFacts,
  name: string,
  directories: readonly string[],
  workers: number,
): ServiceProgram {
  return service(facts, 'node', name, 'media-worker', {
    SLUICE_NODE_ID: name,
    SLUICE_REGION: 'local',
    SLUICE_ZONE: 'local',
    SLUICE_GRPC_LISTEN: `${LOOPBACK}:0`,
    SLUICE_DIRECTORY_ADDRESSES: directories.join(','),
    SLUICE_WORKERS: String(workers),
    SLUICE_MEDIA_LISTEN_IP: LOOPBACK,
    SLUICE_MEDIA_PORT: '0',
  });
}

export function gateway(
  facts: ClusterFacts,
  name: string,
  directories: readonly string[],
  port: Port,
): ServiceProgram {
  return service(facts, 'gateway', name, 'gateway', {
    SLUICE_GATEWAY_ID: name,
    SLUICE_LISTEN: `${LOOPBACK}:${port}`,
    SLUICE_DIRECTORY_ADDRESSES: directories.join(','),
    SLUICE_TOKEN_SECRET: facts.tokenSecret,
    SLUICE_API_ANONYMOUS_READ: 'true',
    // Nobody but this machine reaches it.
    SLUICE_ANONYMOUS_DIALECTS: 'sfu-to-sfu,pion-sfu,umbrella',
    SLUICE_CONSOLE_FOLDER: join(facts.repositoryRoot, 'services', 'console', 'dist'),
  });
}

function service(
  facts: ClusterFacts,
  kind: string,
  name: string,
  folder: string,
  own: Environment,
): ServiceProgram {
  const main = join(facts.repositoryRoot, 'services', folder, 'dist', 'main.js');
  const words = [...(facts.wrappers[name] ?? []), process.execPath, '--enable-source-maps', main];
  const [command = '', ...args] = words;
  return {
    name,
    command,
    args,
    environment: {
      ...facts.environment,
      SLUICE_NATS_URL: facts.natsUrl,
      SLUICE_CLUSTER_SECRET: facts.clusterSecret,
      SLUICE_ADMIN_LISTEN: `${LOOPBACK}:0`,
      ...own,
      ...facts.overrides[kind],
      ...facts.overrides[name],
    },
    addressesIn: listeningLine,
  };
}

/** The addresses in a service's own line `{"msg":"listening", ...}`. */
export function listeningLine(line: string): Addresses | undefined {
  if (!line.startsWith('{')) return undefined;
  const logged = parseObject(line);
  if (logged?.['msg'] !== 'listening') return undefined;
  return Object.fromEntries(
    Object.entries(logged).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  );
}

/** The address in nats-server's line about its port, which it writes just before it is ready. */
export function natsAddress(line: string): Addresses | undefined {
  const port = /Listening for client connections on \S+:(\d+)$/.exec(line)?.[1];
  return port === undefined ? undefined : { nats: `${LOOPBACK}:${port}` };
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    // A line that only looks like JSON.
    return undefined;
  }
}

/** host:port of an address that may be written as a URL. */
export function hostPortOf(address: string): string {
  return address.replace(/^[a-z+]+:\/\//, '').replace(/\/.*$/, '');
}
