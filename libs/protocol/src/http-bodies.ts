import { z } from 'zod';
import type { ErrorCode } from '@sluice/core';
import { DEFAULT_PURPOSE } from './limits.js';
import { name } from './names.js';

/** Longest life of a token that the API issues. */
export const TOKEN_TTL_MAX_SECONDS = 30 * 24 * 3_600;

/** Body of `POST /api/v1/tokens`. Unlike frames it is ours alone, so unknown fields are mistakes. */
export const tokenRequest = z.strictObject({
  subject: name,
  name: z.string().min(1).max(256).optional(),
  /** A room's name, or `*` for any. */
  room: name.optional(),
  publish: z.boolean().optional(),
  subscribe: z.boolean().optional(),
  host: z.boolean().optional(),
  admin: z.boolean().optional(),
  create: z.boolean().optional(),
  ingest: z.boolean().optional(),
  ttlSeconds: z.int().min(1).max(TOKEN_TTL_MAX_SECONDS).optional(),
});
export type TokenRequestBody = z.output<typeof tokenRequest>;

export const tokenResponse = z.object({ token: z.string() });
export type TokenResponseBody = z.output<typeof tokenResponse>;

/** Longest time that a drain may give the sessions of its node. */
export const DRAIN_DEADLINE_MAX_MS = 24 * 3_600_000;
export const DRAIN_DEADLINE_DEFAULT_MS = 60_000;

/** Body of `POST /api/v1/nodes/{id}/drain`, all of it optional. */
export const drainRequest = z.strictObject({
  /** What is left of the node's sessions then is ended. */
  deadlineMs: z.int().min(0).max(DRAIN_DEADLINE_MAX_MS).default(DRAIN_DEADLINE_DEFAULT_MS),
  /** For the log and for the clients that are asked to move. */
  reason: z.string().min(1).max(128).default('draining'),
});
export type DrainRequestBody = z.output<typeof drainRequest>;

/** Body of `POST /api/v1/rooms/{room}/sessions`, all of it optional. */
export const sessionRequest = z.strictObject({
  /** What is offered; all that is published there, unless given. */
  streams: z
    .array(z.strictObject({ participant: name, purpose: name.default(DEFAULT_PURPOSE) }))
    .min(1)
    .max(32)
    .optional(),
});
export type SessionRequestBody = z.output<typeof sessionRequest>;

/** What it answers: the session's path completes and ends it. */
export const sessionResponse = z.object({ session: z.string(), offer: z.string() });
export type SessionResponseBody = z.output<typeof sessionResponse>;

/** Body of `PUT /api/v1/rooms/{room}/sessions/{session}/answer`. */
export const answerRequest = z.strictObject({ answer: z.string().min(1) });

/** Body of `PUT /api/v1/rooms/{room}/sessions/{session}/offer`: what the client publishes. */
export const offerRequest = z.strictObject({
  offer: z.string().min(1),
  /** Of the stream that new tracks belong to. */
  purpose: name.default(DEFAULT_PURPOSE),
});

/** What it answers. */
export const offerResponse = z.object({ answer: z.string() });
export type OfferResponseBody = z.output<typeof offerResponse>;

/** Body of `POST /api/v1/rooms/{room}/lock`. */
export const lockRequest = z.strictObject({ locked: z.boolean().default(true) });

/** Body of `POST /api/v1/rooms/{room}/participants/{participant}/mute`. */
export const muteRequest = z.strictObject({
  purpose: name.optional(),
  kind: z.enum(['audio', 'video']).optional(),
  muted: z.boolean().default(true),
});

export const trackKind = z.enum(['audio', 'video', 'data']);

/** One row of `GET /api/v1/streams`. */
export const streamRow = z.object({
  room: z.string(),
  participant: z.string(),
  purpose: z.string(),
  node: z.string(),
  username: z.string(),
  epoch: z.number(),
  tracks: z.array(
    z.object({
      trackId: z.string(),
      kind: trackKind,
      paused: z.boolean(),
      mimeType: z.string(),
      label: z.string().optional(),
      protocol: z.string().optional(),
    }),
  ),
});
export type StreamRow = z.output<typeof streamRow>;

/** One row of `GET /api/v1/relays`. */
export const relayRow = z.object({
  /** See {@link streamPath}. */
  stream: z.string(),
  fromNode: z.string(),
  toNode: z.string(),
  fromRouter: z.string(),
  toRouter: z.string(),
  epoch: z.number(),
});
export type RelayRow = z.output<typeof relayRow>;

/** One row of `GET /api/v1/nodes`. */
export const nodeRow = z.object({
  id: z.string(),
  region: z.string(),
  zone: z.string(),
  /** Fraction of capacity, 0 (idle) to 1 (full). */
  load: z.number(),
  sessions: z.number(),
  state: z.enum(['serving', 'draining', 'unknown']),
  /** Since its last heartbeat. */
  silenceMs: z.number(),
  /** What a drain still has; absent while it does not drain. */
  drainRemainingMs: z.number().optional(),
});
export type NodeRow = z.output<typeof nodeRow>;

/** RFC 9457, `application/problem+json`, of every error that the HTTP API answers. */
export const problem = z.object({
  type: z.literal('about:blank'),
  title: z.string(),
  status: z.number(),
  detail: z.string(),
  code: z.custom<ErrorCode>((code) => typeof code === 'string'),
});
export type Problem = z.output<typeof problem>;

/** A stream's name as one string: `room/participant/purpose`, `/` and `%` in a part encoded. */
export function streamPath(stream: {
  readonly room: string;
  readonly participant: string;
  readonly purpose: string;
}): string {
  return [stream.room, stream.participant, stream.purpose].map(encodePart).join('/');
}

/** The inverse of {@link streamPath}; undefined for what is not such a path. */
export function parseStreamPath(
  path: string,
): { room: string; participant: string; purpose: string } | undefined {
  const [room, participant, purpose, ...rest] = path.split('/').map(decodePart);
  if (!room || !participant || !purpose || rest.length > 0) return undefined;
  return { room, participant, purpose };
}

function encodePart(part: string): string {
  return part.replaceAll('%', '%25').replaceAll('/', '%2F');
}

function decodePart(part: string): string {
  return part.replaceAll('%2F', '/').replaceAll('%25', '%');
}
