import { z } from 'zod';
import { NAME_MAX_CHARACTERS } from './limits.js';

const CONTROL_CHARACTERS = /\p{Cc}/u;

/** Printable text of a bounded length, unchanged. */
export const name = z
  .string()
  .min(1)
  .max(NAME_MAX_CHARACTERS)
  .refine((text) => text.isWellFormed() && !CONTROL_CHARACTERS.test(text), {
    error: 'must be printable text',
  });

/** A participant as a client may write it: `42` and `"42"` are the same one. */
export const participantId = z
  .union([name, z.int().min(0)], { error: 'must be a string or a whole number' })
  .transform(String);

/** A participant on the wire: a number where its name is one and survives the way there and back. */
export type WireParticipant = string | number;

const DECIMAL = /^(0|[1-9]\d*)$/;

/** How this dialect writes a participant's name. */
export function toWireParticipant(participant: string): WireParticipant {
  const number = Number(participant);
  return DECIMAL.test(participant) && Number.isSafeInteger(number) ? number : participant;
}

/** The name behind {@link toWireParticipant}. */
export function fromWireParticipant(participant: WireParticipant): string {
  return String(participant);
}
