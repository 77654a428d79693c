import { z } from 'zod';
import { NodeId } from '@sluice/core';
import { directoryTarget } from '@sluice/grpc-kit';
import {
  COMMON_VARIABLES,
  grpcTls,
  hostPort,
  natsAccess,
  networkList,
  networksIn,
  port,
  readEnvironment,
  type Environment,
} from '@sluice/service-kit';
import { parseAddressSource } from './domain/node/announced-address.js';
import { parseFocus } from './domain/sfu-to-sfu/foci.js';

const milliseconds = () => z.coerce.number().int().min(0).max(3_600_000);
const bitsPerSecond = () => z.coerce.number().int().min(100_000).max(1_000_000_000_000);
const count = () => z.coerce.number().int().min(1).max(1_000_000);
const address = () => z.string().min(1).max(255);

const names = () =>
  z.string().transform((value) =>
    value
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  );
const foci = () =>
  names().transform((parts, context) => {
    try {
      return parts.map(parseFocus);
    } catch {
      context.addIssue({ code: 'custom', message: 'must be hosts or http(s) URLs' });
      return z.NEVER;
    }
  });

/** Flat, in the order in which the README lists them. */
export const VARIABLES = z
  .object({
    SLUICE_NODE_ID: z
      .string()
      .refine(isNodeId, { error: 'needs 1 to 64 of A-Z a-z 0-9 _ -' })
      .describe("This node's name, unique in the cluster and the same after a restart."),
    SLUICE_REGION: z.string().min(1).max(64).default('default').describe('Where the node is.'),
    SLUICE_ZONE: z.string().min(1).max(64).default('default').describe('Where in its region.'),
    SLUICE_GRPC_LISTEN: hostPort()
      .default('127.0.0.1:0')
      .describe('Where gateways, directories and other nodes reach this one.'),
    SLUICE_GRPC_ADVERTISE: hostPort()
      .optional()
      .describe('What they are told instead of what was bound.'),
    SLUICE_DIRECTORY_ADDRESSES: z
      .string()
      .refine(isTarget, { error: 'must be addresses of one family, or one name' })
      .describe('The directory replicas: host:port, comma-separated, or one name.'),
    SLUICE_WORKERS: z.coerce
      .number()
      .int()
      .min(0)
      .max(256)
      .default(1)
      .describe('mediasoup workers, one per core; 0 for one per CPU of the machine.'),
    SLUICE_MEDIA_LISTEN_IP: address()
      .default('127.0.0.1')
      .describe("IP address on which clients' media arrives."),
    SLUICE_MEDIA_ANNOUNCED_ADDRESS: z
      .string()
      .max(16_384)
      .optional()
      .superRefine((text, context) => {
        const problem = addressProblem(text);
        if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
      })
      .describe('What clients are told instead of it, or how to find that: see Addresses.'),
    SLUICE_MEDIA_PORT: port()
      .default(0)
      .describe('UDP and TCP port of the first worker; each further one takes the next. 0: any.'),
    SLUICE_PIPE_LISTEN_IP: address()
      .default('127.0.0.1')
      .describe("IP address on which other nodes' media arrives."),
    SLUICE_PIPE_ANNOUNCED_ADDRESS: address()
      .optional()
      .describe('What other nodes are told instead of it.'),
    SLUICE_PIPE_PORT_MIN: port().default(0).describe('First UDP port for pipes. 0: any.'),
    SLUICE_PIPE_PORT_MAX: port().default(0).describe('Last UDP port for pipes.'),
    SLUICE_RELAY_LINGER_MS: milliseconds()
      .default(3_000)
      .describe('How long a stream stays that nobody here watches any more.'),
    SLUICE_SESSION_GRACE_MS: milliseconds()
      .default(30_000)
      .describe('How long a session lives on without a gateway.'),
    SLUICE_SESSIONS_MAX: count().default(5_000).describe('Sessions on this node.'),
    SLUICE_CONSUMERS_MAX: count()
      .default(20_000)
      .describe('Tracks sent to clients that count as a full load.'),
    SLUICE_EGRESS_LIMIT_BPS: bitsPerSecond()
      .default(1_000_000_000)
      .describe('Bits per second out of this node that count as a full load.'),
    SLUICE_INGRESS_LIMIT_BPS: bitsPerSecond()
      .default(1_000_000_000)
      .describe('Bits per second into this node that count as a full load.'),
    SLUICE_PUBLISH_LIMIT_BPS: bitsPerSecond()
      .default(20_000_000)
      .describe('Bits per second that one publishing connection may send.'),
    SLUICE_DRAIN_MS: milliseconds()
      .default(2_000)
      .describe('How long sessions have to move when the node is told to stop.'),
    SLUICE_POD: z
      .string()
      .regex(/^[a-z0-9-]{1,63}\/[a-z0-9.-]{1,253}$/)
      .optional()
      .describe('namespace/name of the pod that this node is, to keep its pod-deletion-cost.'),
    SLUICE_KUBERNETES_API: z
      .url({ protocol: /^https$/ })
      .default('https://kubernetes.default.svc')
      .describe('Where that is kept.'),
    SLUICE_KUBERNETES_ACCOUNT_FOLDER: z
      .string()
      .min(1)
      .default('/var/run/secrets/kubernetes.io/serviceaccount')
      .describe("Where the pod's account is: `token` and `ca.crt`."),
    SLUICE_FOCI_ALLOWED: foci()
      .default([])
      .describe(
        'Servers from which clients of SFU-to-SFU may have streams pulled: comma-separated `host:port` or URLs, whose password is shown there as a bearer token.',
      ),
    SLUICE_FOCI_NAMES: names()
      .default([])
      .describe('How clients of SFU-to-SFU call this cluster itself: comma-separated `host:port`.'),
    SLUICE_FOCI_ALLOWED_NETWORKS: networkList()
      .default('')
      .describe(
        'Networks besides public ones to which names in `SLUICE_FOCI_ALLOWED` may lead: CIDR, comma-separated.',
      ),
    SLUICE_FFMPEG: z
      .string()
      .min(1)
      .default('ffmpeg')
      .describe('ffmpeg, for ingests: a path, or a name in /usr/local/bin, /usr/bin or /bin.'),
    SLUICE_INGEST_ALLOWED_NETWORKS: networkList()
      .default('')
      .describe('Networks besides public ones from which may be pulled: CIDR, comma-separated.'),
    ...COMMON_VARIABLES,
  })
  .refine((v) => (v.SLUICE_PIPE_PORT_MIN === 0) === (v.SLUICE_PIPE_PORT_MAX === 0), {
    path: ['SLUICE_PIPE_PORT_MAX'],
    error: 'is required with SLUICE_PIPE_PORT_MIN',
  })
  .refine((v) => v.SLUICE_PIPE_PORT_MIN <= v.SLUICE_PIPE_PORT_MAX, {
    path: ['SLUICE_PIPE_PORT_MAX'],
    error: 'must not be below SLUICE_PIPE_PORT_MIN',
  })
  .refine((v) => v.SLUICE_MEDIA_PORT === 0 || v.SLUICE_MEDIA_PORT + v.SLUICE_WORKERS <= 65_536, {
    path: ['SLUICE_MEDIA_PORT'],
    error: 'leaves the last worker no port below 65536',
  });

export type Configuration = ReturnType<typeof loadConfiguration>;

/** @throws {ConfigurationError} naming every bad variable. */
export function loadConfiguration(environment: Environment) {
  const v = readEnvironment(VARIABLES, environment);
  const advertised = v.SLUICE_GRPC_ADVERTISE ?? v.SLUICE_GRPC_LISTEN;
  const directories = v.SLUICE_DIRECTORY_ADDRESSES.split(',').map((text) => text.trim());
  return {
    node: { id: v.SLUICE_NODE_ID, region: v.SLUICE_REGION, zone: v.SLUICE_ZONE },
    log: { level: v.SLUICE_LOG_LEVEL },
    admin: { listen: v.SLUICE_ADMIN_LISTEN },
    nats: natsAccess(v),
    clusterSecret: v.SLUICE_CLUSTER_SECRET,
    grpc: {
      listen: v.SLUICE_GRPC_LISTEN,
      advertise: v.SLUICE_GRPC_ADVERTISE,
      tls: grpcTls(v, [v.SLUICE_GRPC_LISTEN, advertised, ...directories]),
    },
    directoryTarget: directoryTarget(v.SLUICE_DIRECTORY_ADDRESSES),
    media: {
      workers: v.SLUICE_WORKERS,
      ip: v.SLUICE_MEDIA_LISTEN_IP,
      announced: addressSource(v.SLUICE_MEDIA_ANNOUNCED_ADDRESS),
      basePort: v.SLUICE_MEDIA_PORT,
      publishLimitBps: v.SLUICE_PUBLISH_LIMIT_BPS,
    },
    pipes: {
      ip: v.SLUICE_PIPE_LISTEN_IP,
      announcedAddress: v.SLUICE_PIPE_ANNOUNCED_ADDRESS,
      portMin: v.SLUICE_PIPE_PORT_MIN,
      portMax: v.SLUICE_PIPE_PORT_MAX,
      relayLingerMs: v.SLUICE_RELAY_LINGER_MS,
    },
    sessions: {
      max: v.SLUICE_SESSIONS_MAX,
      graceMs: v.SLUICE_SESSION_GRACE_MS,
      drainMs: v.SLUICE_DRAIN_MS,
    },
    pod: podOf(v),
    foci: {
      allowed: v.SLUICE_FOCI_ALLOWED,
      own: v.SLUICE_FOCI_NAMES.map((name) => name.toLowerCase()),
      allowedNetworks: networksIn(v.SLUICE_FOCI_ALLOWED_NETWORKS),
    },
    ingests: {
      ffmpeg: v.SLUICE_FFMPEG,
      allowedNetworks: networksIn(v.SLUICE_INGEST_ALLOWED_NETWORKS),
    },
    capacity: {
      egressBps: v.SLUICE_EGRESS_LIMIT_BPS,
      ingressBps: v.SLUICE_INGRESS_LIMIT_BPS,
      consumers: v.SLUICE_CONSUMERS_MAX,
    },
  } as const;
}

function addressSource(text: string | undefined) {
  return text === undefined ? undefined : parseAddressSource(text);
}

function addressProblem(text: string | undefined): string | undefined {
  try {
    addressSource(text);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** This node's own pod, where it is to keep Kubernetes told what its end would cost. */
function podOf(v: z.output<typeof VARIABLES>) {
  const [namespace, name] = v.SLUICE_POD?.split('/') ?? [];
  if (namespace === undefined || name === undefined) return undefined;
  const apiUrl = v.SLUICE_KUBERNETES_API;
  return { apiUrl, namespace, name, accountFolder: v.SLUICE_KUBERNETES_ACCOUNT_FOLDER };
}

function isNodeId(text: string): boolean {
  try {
    NodeId(text);
    return true;
  } catch {
    return false;
  }
}

function isTarget(text: string): boolean {
  try {
    directoryTarget(text);
    return true;
  } catch {
    return false;
  }
}
