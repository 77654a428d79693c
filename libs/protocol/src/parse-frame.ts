import { z } from 'zod';
import {
  CLIENT_MESSAGE_TYPES,
  clientMessage,
  type ClientMessage,
  type RequestId,
} from './client-messages.js';
import { JSON_MAX_DEPTH } from './limits.js';

/** A frame as far as it could be understood. */
export type ParsedFrame =
  | { readonly kind: 'message'; readonly message: ClientMessage }
  | {
      readonly kind: 'mistake';
      /** For the sender: says where, never quotes what. */
      readonly explanation: string;
      readonly id: RequestId;
    };

const bearsToken = z.object({ token: z.string() });

/**
 * Reads a client's frame. Never throws.
 *
 * An object with a string `token` and no known type authenticates, as clients of the original may
 * write it.
 */
export function parseClientFrame(text: string): ParsedFrame {
  if (isDeeperThan(text, JSON_MAX_DEPTH)) return mistake('frame is nested too deeply');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's message may quote the frame.
    return mistake('frame is not JSON');
  }
  const parsed = clientMessage.safeParse(json, { reportInput: true });
  if (parsed.success) return { kind: 'message', message: parsed.data };
  const bare = bearsToken.safeParse(json);
  if (bare.success && !isKnown(typeOf(json))) {
    return { kind: 'message', message: { type: 'auth', id: idOf(json), token: bare.data.token } };
  }
  return mistake(explain(parsed.error.issues[0]), idOf(json));
}

function typeOf(json: unknown): unknown {
  return typeof json === 'object' && json !== null && Object.hasOwn(json, 'type')
    ? (json as { type: unknown }).type
    : undefined;
}

function isKnown(type: unknown): boolean {
  return CLIENT_MESSAGE_TYPES.some((known) => known === type);
}

function mistake(explanation: string, id?: RequestId): ParsedFrame {
  return { kind: 'mistake', explanation, id };
}

function explain(issue: z.core.$ZodIssue | undefined): string {
  if (!issue) return 'frame is malformed';
  if (issue.code === 'invalid_union' && issue.path[0] === 'type') return 'unknown message type';
  const where = issue.path.join('.') || 'frame';
  if (issue.code === 'too_big') return `${where} is too large`;
  if (issue.code === 'too_small') return `${where} is too small`;
  if (issue.code === 'invalid_type') {
    if (issue.input === undefined) return `${where} is missing`;
    return `${where} must be ${/^[aeiou]/.test(issue.expected) ? 'an' : 'a'} ${issue.expected}`;
  }
  return issue.code === 'custom' || issue.code === 'invalid_union'
    ? `${where} ${issue.message}`
    : `${where} is malformed`;
}

function idOf(json: unknown): RequestId {
  if (typeof json !== 'object' || json === null || !Object.hasOwn(json, 'id')) return undefined;
  const { id } = json as { id: unknown };
  if (typeof id === 'number') return id;
  return typeof id === 'string' && id.length <= 128 ? id : undefined;
}

/** Counts brackets outside of strings: cheaper than parsing, and safe before it. */
export function isDeeperThan(text: string, limit: number): boolean {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (inString) {
      if (character === '\\') index += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '{' || character === '[') {
      depth += 1;
      if (depth > limit) return true;
    } else if (character === '}' || character === ']') depth -= 1;
  }
  return false;
}
