import { SluiceError } from './errors.js';

/** Names one stream cluster-wide; SFU-to-SFU calls the parts call_id, device_id and purpose. */
export interface StreamName {
  readonly room: string;
  readonly participant: string;
  readonly purpose: string;
}

/** A stream's name as one string: key of maps, of the KV bucket, and the suffix of subjects. */
export type StreamKey = string & { readonly __streamKey: never };

export const DEFAULT_PURPOSE = 'm.usermedia';

/** Longest room, participant or purpose, in UTF-16 code units. */
export const NAME_MAX_CHARACTERS = 128;

/**
 * A name that a client typed, unchanged.
 *
 * @throws {SluiceError} INVALID_ARGUMENT when empty, too long, or with control characters or lone
 * surrogates (which have no UTF-8 form and so no key of their own).
 */
export function parseName(noun: 'room' | 'participant' | 'purpose', raw: string): string {
  if (raw.length === 0 || raw.length > NAME_MAX_CHARACTERS) {
    throw new SluiceError(
      'INVALID_ARGUMENT',
      `a ${noun} needs 1 to ${String(NAME_MAX_CHARACTERS)} characters`,
      { noun },
    );
  }
  if (/\p{Cc}/u.test(raw) || !raw.isWellFormed()) {
    throw new SluiceError('INVALID_ARGUMENT', `a ${noun} must be printable text`, { noun });
  }
  return raw;
}

/** Any text as one NATS subject token that never collides with another text's. */
export function subjectToken(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64url');
}

/** The inverse of {@link subjectToken}. */
export function fromSubjectToken(token: string): string {
  return Buffer.from(token, 'base64url').toString('utf8');
}

/** `<room>.<participant>.<purpose>`, each part encoded: legal as a KV key and a subject. */
export function streamKey(name: StreamName): StreamKey {
  return [name.room, name.participant, name.purpose].map(subjectToken).join('.') as StreamKey;
}

/** The inverse of {@link streamKey}; undefined for what is not such a key. */
export function parseStreamKey(key: string): StreamName | undefined {
  const [room, participant, purpose, ...rest] = key.split('.').map(fromSubjectToken);
  if (!room || !participant || !purpose || rest.length > 0) return undefined;
  return { room, participant, purpose };
}

/** For people and logs: `room / participant / purpose`. */
export function describeStream(name: StreamName): string {
  return `${name.room} / ${name.participant} / ${name.purpose}`;
}
