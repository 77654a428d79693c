import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { directoryTarget } from '@sluice/grpc-kit';
import { name } from '@sluice/protocol';
import {
  COMMON_VARIABLES,
  grpcTls,
  hostPort,
  natsAccess,
  networkList,
  networksIn,
  readEnvironment,
  secret,
  serverTls,
  type Environment,
} from '@sluice/service-kit';
import { ANONYMOUS_DIALECTS, DIALECTS } from './domain/access/access.js';

const commaSeparated = () =>
  z.string().transform((value) =>
    value
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  );

const DEFAULT_GRANTS = ['publish', 'subscribe', 'host', 'create', 'ingest'] as const;

const iceServers = z.array(z.looseObject({ urls: z.union([z.string(), z.array(z.string())]) }));

/** Every variable, in the order in which the README lists them. */
export const VARIABLES = {
  ...COMMON_VARIABLES,
  SLUICE_LISTEN: hostPort()
    .default('127.0.0.1:8080')
    .describe('Where clients reach the WebSocket, the API and the web console.'),
  SLUICE_TLS_CERT_FILE: z
    .string()
    .optional()
    .describe('PEM certificate and chain, with the next: HTTPS alone, for want of a proxy.'),
  SLUICE_TLS_KEY_FILE: z.string().optional().describe('PEM key of it.'),
  SLUICE_PION_LISTEN: hostPort()
    .optional()
    .describe('Where every path is Pion_SFU’s, as its clients know it; unset serves /pion alone.'),
  SLUICE_DIRECTORY_ADDRESSES: z
    .string()
    .refine(isDirectoryTarget, {
      error: 'must be IP addresses with ports, or one name with a port',
    })
    .describe(
      'The stream directory’s replicas: comma-separated IP addresses with ports, or one name for all, such as dns:///directory:7000.',
    ),
  SLUICE_GATEWAY_ID: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/)
    .optional()
    .describe('This gateway’s name in logs and to media nodes; random by default.'),
  SLUICE_REGION: z.string().max(128).default('').describe('Where this gateway is.'),
  SLUICE_ZONE: z.string().max(128).default('').describe('Where in the region it is.'),
  SLUICE_TOKEN_SECRET: secret()
    .optional()
    .describe('HS256 secret of access tokens. This or the next is needed.'),
  SLUICE_TOKEN_JWKS_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Where the ES256 and EdDSA keys of access tokens are published.'),
  SLUICE_TOKEN_ISSUER: z.string().min(1).optional().describe('Required `iss` of access tokens.'),
  SLUICE_TOKEN_AUDIENCE: z.string().min(1).optional().describe('Required `aud` of access tokens.'),
  SLUICE_TOKEN_DEFAULT_GRANTS: commaSeparated()
    .pipe(z.array(z.enum(DEFAULT_GRANTS)))
    .default([])
    .describe('Grants of tokens that name none: of publish, subscribe, host, create, ingest.'),
  SLUICE_DIALECTS: commaSeparated()
    .pipe(z.array(z.enum(DIALECTS)))
    .default([...DIALECTS])
    .describe('Dialects that are served, comma-separated.'),
  SLUICE_ANONYMOUS_DIALECTS: commaSeparated()
    .pipe(z.array(z.enum(ANONYMOUS_DIALECTS)))
    .default([])
    .describe('Dialects that anybody may use without a token; any but rooms.'),
  SLUICE_UMBRELLA_ROOM: name
    .default('umbrella')
    .describe('The room of Umbrella’s clients and trunks that name none by ?room=.'),
  SLUICE_UMBRELLA_ALLOWED_NETWORKS: networkList()
    .default('')
    .describe(
      'Networks besides public ones to which names of Umbrella’s list of servers may lead: CIDR, comma-separated.',
    ),
  SLUICE_ROOMS_NEED_CREATOR: z
    .stringbool()
    .default(false)
    .describe('Lets only those with the grant to create enter a room in which nobody is.'),
  SLUICE_ALLOWED_ORIGINS: commaSeparated()
    .optional()
    .describe('Origins of web pages that may connect, comma-separated; unset lets any in.'),
  SLUICE_ICE_SERVERS: z
    .string()
    .transform(parseJson)
    .pipe(iceServers)
    .default([])
    .describe('STUN and TURN servers for clients: a JSON array of RTCIceServer.'),
  SLUICE_API_ANONYMOUS_READ: z
    .stringbool()
    .default(false)
    .describe('Lets anybody read streams, relays and nodes over the API.'),
  SLUICE_CONSOLE_FOLDER: z
    .string()
    .optional()
    .describe('Folder of the built web console; unset serves none.'),
  SLUICE_TRUST_PROXY: z.coerce
    .number()
    .int()
    .min(0)
    .max(8)
    .default(0)
    .describe('Proxies in front of this gateway whose X-Forwarded-For and -Prefix are believed.'),
  SLUICE_CONNECTIONS_MAX: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(20_000)
    .describe('WebSockets that are let in at once.'),
} as const;

const schema = z
  .object(VARIABLES)
  .refine(
    (set) => set.SLUICE_TOKEN_SECRET !== undefined || set.SLUICE_TOKEN_JWKS_URL !== undefined,
    { path: ['SLUICE_TOKEN_SECRET'], error: 'is required, or SLUICE_TOKEN_JWKS_URL' },
  );

export type Config = ReturnType<typeof loadConfig>;

/**
 * Pure but for the TLS files and a random id.
 *
 * @throws {ConfigurationError} listing every bad variable.
 */
export function loadConfig(environment: Environment) {
  const set = readEnvironment(schema, environment);
  return {
    logLevel: set.SLUICE_LOG_LEVEL,
    adminListen: set.SLUICE_ADMIN_LISTEN,
    nats: natsAccess(set),
    clusterSecret: set.SLUICE_CLUSTER_SECRET,
    tls: grpcTls(set, set.SLUICE_DIRECTORY_ADDRESSES.split(/\s*,\s*/)),
    listen: set.SLUICE_LISTEN,
    clientTls: clientTls(set),
    pionListen: set.SLUICE_PION_LISTEN,
    directoryTarget: directoryTarget(set.SLUICE_DIRECTORY_ADDRESSES),
    gatewayId: set.SLUICE_GATEWAY_ID ?? `gateway-${randomBytes(4).toString('hex')}`,
    location: { region: set.SLUICE_REGION, zone: set.SLUICE_ZONE },
    tokens: {
      secret: set.SLUICE_TOKEN_SECRET,
      jwksUrl: set.SLUICE_TOKEN_JWKS_URL,
      issuer: set.SLUICE_TOKEN_ISSUER,
      audience: set.SLUICE_TOKEN_AUDIENCE,
      defaultGrants: Object.fromEntries(
        set.SLUICE_TOKEN_DEFAULT_GRANTS.map((grant) => [grant, true]),
      ),
    },
    dialects: new Set(set.SLUICE_DIALECTS),
    anonymousDialects: new Set(set.SLUICE_ANONYMOUS_DIALECTS),
    umbrellaRoom: set.SLUICE_UMBRELLA_ROOM,
    umbrellaNetworks: networksIn(set.SLUICE_UMBRELLA_ALLOWED_NETWORKS),
    roomsNeedCreator: set.SLUICE_ROOMS_NEED_CREATOR,
    allowedOrigins: set.SLUICE_ALLOWED_ORIGINS,
    iceServers: set.SLUICE_ICE_SERVERS,
    anonymousRead: set.SLUICE_API_ANONYMOUS_READ,
    consoleFolder: set.SLUICE_CONSOLE_FOLDER,
    proxies: set.SLUICE_TRUST_PROXY,
    connectionsMax: set.SLUICE_CONNECTIONS_MAX,
  } as const;
}

function clientTls(set: {
  readonly SLUICE_TLS_CERT_FILE?: string | undefined;
  readonly SLUICE_TLS_KEY_FILE?: string | undefined;
}) {
  return serverTls(
    ['SLUICE_TLS_CERT_FILE', set.SLUICE_TLS_CERT_FILE],
    ['SLUICE_TLS_KEY_FILE', set.SLUICE_TLS_KEY_FILE],
  );
}

function isDirectoryTarget(addresses: string): boolean {
  try {
    directoryTarget(addresses);
    return true;
  } catch {
    // Its explanation quotes nothing, but the schema's own is as good.
    return false;
  }
}

function parseJson(value: string, context: z.core.$RefinementCtx<string>): unknown {
  try {
    return JSON.parse(value) as unknown;
  } catch {
    context.addIssue({ code: 'custom', message: 'must be JSON' });
    return z.NEVER;
  }
}
