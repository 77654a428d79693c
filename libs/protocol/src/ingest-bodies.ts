import { z } from 'zod';
import { name } from './names.js';

/** Body of `POST /api/v1/ingests`. */
export const ingestRequest = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
  /** `rtsp` or `rtsps`, with its credentials; never said again. */
  url: z.string().min(1).max(2_048),
  room: name,
  /** The id where it is not given. */
  participant: name.optional(),
  purpose: name.optional(),
  /** Shown to others; the participant where it is not given. */
  name: z.string().min(1).max(256).optional(),
  /** Pulled only while somebody watches. */
  onDemand: z.boolean().default(false),
  /** Where it is best pulled from. */
  region: z.string().max(64).default(''),
});
export type IngestRequestBody = z.output<typeof ingestRequest>;

/** One row of `GET /api/v1/ingests`. */
export const ingestRow = z.object({
  id: z.string(),
  room: z.string(),
  participant: z.string(),
  purpose: z.string(),
  name: z.string(),
  /** Scheme, host and port: the rest of the URL may be secret. */
  address: z.string(),
  onDemand: z.boolean(),
  region: z.string(),
  /** Named by configuration, so that it cannot be deleted here. */
  configured: z.boolean(),
  /** Who pulls it; empty while nobody does. */
  node: z.string(),
  state: z.enum(['connecting', 'running', 'resting', 'failed']),
  /** Why it failed, or what is wrong though it runs; empty when all is well. */
  reason: z.string(),
  bitrateBps: z.number(),
});
export type IngestRow = z.output<typeof ingestRow>;
