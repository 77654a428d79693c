import type { StreamName } from './stream-name.js';

/**
 * What receivers see as MediaStream id: `room-participant-purpose`. White space, which would end
 * the value inside an SDP line, is percent-encoded; everything else stays as it was typed.
 */
export function sdpStreamId(name: StreamName): string {
  return `${name.room}-${name.participant}-${name.purpose}`.replace(/\s/gu, encodeURIComponent);
}
