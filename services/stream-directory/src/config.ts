import { readFileSync } from 'node:fs';
import { z } from 'zod';
import {
  COMMON_VARIABLES,
  grpcTls,
  hostPort,
  natsAccess,
  readEnvironment,
  type Environment,
} from '@sluice/service-kit';
import { parseIngests } from './configured-ingests.js';
import { FANOUT_MIN } from './domain/relays/relay-tree.js';
import { parseRoomRegions } from './domain/placement/room-regions.js';

const milliseconds = () => z.coerce.number().int();

/** In the order in which the README lists them. */
export const Variables = z
  .object({
    ...COMMON_VARIABLES,
    SLUICE_GRPC_LISTEN: hostPort()
      .default('127.0.0.1:0')
      .describe('Where other services reach this one.'),
    SLUICE_NATS_REPLICAS: z.coerce
      .number()
      .refine((value) => [1, 3, 5].includes(value), { error: 'must be 1, 3 or 5' })
      .default(1)
      .describe('Copies that a clustered NATS keeps of the stream records: 1, 3 or 5.'),
    SLUICE_NATS_TIMEOUT_MS: milliseconds()
      .min(100)
      .max(10_000)
      .default(1_000)
      .describe('An operation on the stream records that takes longer fails as UNAVAILABLE.'),
    SLUICE_PLACEMENT: z
      .enum(['balanced', 'spread'])
      .default('balanced')
      .describe(
        'balanced: near the client, near its room, then the least loaded of a few. spread: each new session of a room on another node.',
      ),
    SLUICE_ROOM_REGIONS: z
      .string()
      .default('')
      .superRefine((text, context) => {
        const { problem } = parseRoomRegions(text);
        if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
      })
      .describe('Which regions the sessions of a room may live in: see Regions of rooms.'),
    SLUICE_NODE_LOAD_MAX: z.coerce
      .number()
      .gt(0)
      .max(1)
      .default(0.85)
      .describe('A node with this load (0 to 1) takes no new session.'),
    SLUICE_NODE_SILENT_MS: milliseconds()
      .min(1_100)
      .default(2_500)
      .describe('A node not heard of for so long takes no new session.'),
    SLUICE_NODE_LOST_MS: milliseconds()
      .min(1_500)
      .default(5_000)
      .describe(
        'A node whose workers cannot be asked, and that neither beats nor answers for so long, is gone with all it has. Where they can be asked, that takes two seconds.',
      ),
    SLUICE_NODE_STALLED_MS: milliseconds()
      .min(3_000)
      .default(15_000)
      .describe(
        'A node that neither beats nor answers for so long is gone, although its workers forward.',
      ),
    SLUICE_ROOM_PARTICIPANTS_MAX: z.coerce
      .number()
      .int()
      .min(0)
      .max(10_000)
      .default(0)
      .describe('Participants that one room takes; 0 for any number.'),
    SLUICE_RELAY_FANOUT_MAX: z.coerce
      .number()
      .int()
      .min(FANOUT_MIN)
      .max(1_000)
      .default(16)
      .describe(
        'Routers that one router feeds with a stream; a larger audience makes a deeper tree.',
      ),
    SLUICE_RELAY_DEPTH_MAX: z.coerce
      .number()
      .int()
      .min(1)
      .max(64)
      .default(8)
      .describe("Relays between a stream's origin and any router."),
    SLUICE_INGESTS: z
      .string()
      .default('')
      .superRefine(checkIngests)
      .describe('Cameras to pull: a JSON array, see Ingests.'),
    SLUICE_INGESTS_FILE: z
      .string()
      .min(1)
      .optional()
      .describe('A file that holds that array instead, as a mounted secret.'),
  })
  .refine((read) => read.SLUICE_NODE_LOST_MS >= read.SLUICE_NODE_SILENT_MS, {
    path: ['SLUICE_NODE_LOST_MS'],
    error: 'must not be less than SLUICE_NODE_SILENT_MS',
  });

/** With the files that they name. */
const Read = Variables.transform((read, context) => {
  if (read.SLUICE_INGESTS_FILE === undefined) return read;
  const text = readIngests(read.SLUICE_INGESTS_FILE);
  const problem = text === undefined ? 'cannot be read' : parseIngests(text).problem;
  if (problem !== undefined) {
    context.addIssue({ code: 'custom', path: ['SLUICE_INGESTS_FILE'], message: problem });
  }
  return { ...read, SLUICE_INGESTS: text ?? '' };
});

export type Config = ReturnType<typeof loadConfig>;

/** Pure but for the files it names. @throws {ConfigurationError} with every bad variable at once. */
export function loadConfig(environment: Environment) {
  const read = readEnvironment(Read, environment);
  return {
    logLevel: read.SLUICE_LOG_LEVEL,
    adminListen: read.SLUICE_ADMIN_LISTEN,
    grpc: { listen: read.SLUICE_GRPC_LISTEN, tls: grpcTls(read, [read.SLUICE_GRPC_LISTEN]) },
    nats: {
      ...natsAccess(read),
      replicas: read.SLUICE_NATS_REPLICAS,
      timeoutMs: read.SLUICE_NATS_TIMEOUT_MS,
    },
    clusterSecret: read.SLUICE_CLUSTER_SECRET,
    placement: {
      policy: read.SLUICE_PLACEMENT,
      roomRegions: parseRoomRegions(read.SLUICE_ROOM_REGIONS).rules ?? [],
      nodeLoadMax: read.SLUICE_NODE_LOAD_MAX,
      silentMs: read.SLUICE_NODE_SILENT_MS,
    },
    roomParticipantsMax: read.SLUICE_ROOM_PARTICIPANTS_MAX,
    lostMs: read.SLUICE_NODE_LOST_MS,
    stalledMs: read.SLUICE_NODE_STALLED_MS,
    ingests: parseIngests(read.SLUICE_INGESTS).ingests ?? [],
    relays: { maxChildren: read.SLUICE_RELAY_FANOUT_MAX, maxDepth: read.SLUICE_RELAY_DEPTH_MAX },
  } as const;
}

function checkIngests(text: string, context: z.core.$RefinementCtx<string>): void {
  const { problem } = parseIngests(text);
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
}

function readIngests(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Why it cannot be read is said by its name.
    return undefined;
  }
}
