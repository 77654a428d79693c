import { z } from 'zod';
import { FRAME_MAX_BYTES, JSON_MAX_DEPTH, NAME_MAX_CHARACTERS } from './limits.js';
import { isDeeperThan } from './parse-frame.js';

/** The label of the data channel on which SFU-to-SFU is spoken. */
export const SIGNALING_LABEL = 'signaling';

const SIGNALING_EVENTS = ['publish', 'unpublish', 'subscribe', 'unsubscribe', 'error'] as const;

const ERROR_MAX_CHARACTERS = 200;

const text = z.string().max(NAME_MAX_CHARACTERS).nullish();

/** Clients leave out what says nothing, or write it empty. */
const signalingMessage = z
  .object({
    event: z.enum(SIGNALING_EVENTS),
    id: z.union([z.string().max(NAME_MAX_CHARACTERS), z.number()]).nullish(),
    call_id: text,
    device_id: text,
    purpose: text,
    sdp: z.string().nullish(),
    message: z.string().nullish().catch(undefined),
    foci: z.union([z.string().max(512), z.array(z.string().max(512)).max(16)]).nullish(),
  })
  .transform((message) => ({
    event: message.event,
    id: String(message.id ?? ''),
    callId: message.call_id ?? '',
    deviceId: message.device_id ?? '',
    purpose: message.purpose ?? '',
    sdp: message.sdp ?? '',
    /** Of an error. */
    error: (message.message ?? '').slice(0, ERROR_MAX_CHARACTERS),
    foci: [message.foci ?? []].flat().filter((focus) => focus !== ''),
  }));

/** One message of SFU-to-SFU as a client means it; empty where it said nothing. */
export type SignalingMessage = z.output<typeof signalingMessage>;

export type ParsedSignalingMessage =
  | { readonly kind: 'message'; readonly message: SignalingMessage }
  | { readonly kind: 'mistake'; readonly explanation: string };

/** Never throws. */
export function parseSignalingMessage(raw: string): ParsedSignalingMessage {
  if (raw.length > FRAME_MAX_BYTES) return mistake('the message is too large');
  if (isDeeperThan(raw, JSON_MAX_DEPTH)) return mistake('the message is nested too deeply');
  let json: unknown;
  try {
    json = JSON.parse(raw);
  } catch {
    return mistake('the message is not JSON');
  }
  const { success, data, error } = signalingMessage.safeParse(json);
  if (success) return { kind: 'message', message: data };
  const where = error.issues[0]?.path[0];
  return mistake(
    where === undefined ? 'the message is malformed' : `${String(where)} is malformed`,
  );
}

/** As it goes to a client: every key is there, `message` in errors alone. */
export function writeSignalingMessage(
  message: Omit<SignalingMessage, 'foci' | 'error'> & { readonly message?: string },
): string {
  const { event, id, callId, deviceId, purpose, sdp } = message;
  return JSON.stringify({
    event,
    ...(message.message !== undefined && { message: message.message }),
    id,
    call_id: callId,
    device_id: deviceId,
    purpose,
    sdp,
  });
}

function mistake(explanation: string): ParsedSignalingMessage {
  return { kind: 'mistake', explanation };
}
