import type { WireParticipant } from './wire.js';

export const CAMERA = 'm.usermedia';
export const SCREEN = 'm.screenshare';

/** Names one stream inside a room: key of maps and of elements in a list. */
export type StreamKey = string & { readonly __streamKey: never };

export function streamKey(publisherId: WireParticipant, purpose: string): StreamKey {
  return JSON.stringify([String(publisherId), purpose]) as StreamKey;
}
