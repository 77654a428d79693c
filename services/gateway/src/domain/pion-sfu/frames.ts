import { z } from 'zod';
import { SluiceError } from '@sluice/core';
import { CANDIDATE_MAX_CHARACTERS, JSON_MAX_DEPTH, isDeeperThan, name } from '@sluice/protocol';

const where = { self_id: name.nullish(), room_id: name.nullish(), token: z.string().nullish() };

const description = <Type extends string>(type: Type) =>
  z.object({ type: z.literal(type), sdp: z.string().min(1) });

const frame = z.discriminatedUnion('event', [
  z.object({
    event: z.literal('joinRoom'),
    data: z.object({ ...where, self_id: name, room_id: name }),
  }),
  z.object({ event: z.literal('leaveRoom'), data: z.object(where) }),
  z.object({
    event: z.literal('offer'),
    data: z.object({ ...where, offer: description('offer') }),
  }),
  z.object({
    event: z.literal('answer'),
    data: z.object({ ...where, answer: description('answer') }),
  }),
  z.object({
    event: z.literal('ice-candidate'),
    data: z.object({
      ...where,
      candidate: z.object({ candidate: z.string().max(CANDIDATE_MAX_CHARACTERS) }).nullable(),
    }),
  }),
]);

/** What a client of Pion_SFU says. */
export type PionFrame = z.infer<typeof frame>;
export type PionEvent = PionFrame['event'];

/**
 * Reads a frame. `data` may itself be JSON text, as the server writes it.
 *
 * @throws {SluiceError} INVALID_ARGUMENT saying where, never quoting what.
 */
export function parsePionFrame(text: string): PionFrame {
  const json = parseJson(text);
  const data = (json as { data?: unknown } | null)?.data;
  const unpacked =
    typeof data === 'string' && data !== '' ? { ...(json as object), data: parseJson(data) } : json;
  const parsed = frame.safeParse(unpacked);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  if (issue?.code === 'invalid_union' && issue.path[0] === 'event') {
    throw new SluiceError('INVALID_ARGUMENT', 'unknown event');
  }
  const path = issue?.path.join('.') ?? '';
  throw new SluiceError('INVALID_ARGUMENT', `${path === '' ? 'frame' : path} is malformed`);
}

function parseJson(text: string): unknown {
  if (isDeeperThan(text, JSON_MAX_DEPTH)) {
    throw new SluiceError('INVALID_ARGUMENT', 'frame is nested too deeply');
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // The parser's message may quote the frame.
    throw new SluiceError('INVALID_ARGUMENT', 'frame is not JSON');
  }
}

/** A frame of ours: `data` is JSON text. */
export function pionFrame(event: 'answer' | 'offer' | 'error', data: object): string {
  return JSON.stringify({ event, data: JSON.stringify(data) });
}
