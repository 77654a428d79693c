import { SluiceError } from '@sluice/core';
import { CANDIDATE_MAX_CHARACTERS, JSON_MAX_DEPTH, isDeeperThan } from '@sluice/protocol';

/**
 * The SDP of an RTCSessionDescriptionInit as JSON.
 *
 * @throws {SluiceError} INVALID_ARGUMENT
 */
export function descriptionIn(json: string, type: 'offer' | 'answer'): string {
  const description = objectIn(json, type);
  const { type: given, sdp } = description as { type?: unknown; sdp?: unknown };
  if (given === type && typeof sdp === 'string' && sdp !== '') return sdp;
  throw new SluiceError('INVALID_ARGUMENT', `the ${type} is malformed`);
}

/**
 * The line of an RTCIceCandidateInit as JSON; '' says that no more will come.
 *
 * @throws {SluiceError} INVALID_ARGUMENT
 */
export function candidateIn(json: string): string {
  const { candidate = '' } = objectIn(json, 'candidate') as { candidate?: unknown };
  if (typeof candidate === 'string' && candidate.length <= CANDIDATE_MAX_CHARACTERS) {
    return candidate;
  }
  throw new SluiceError('INVALID_ARGUMENT', 'the candidate is malformed');
}

function objectIn(json: string, noun: string): object {
  try {
    if (!isDeeperThan(json, JSON_MAX_DEPTH)) {
      const parsed: unknown = JSON.parse(json);
      if (typeof parsed === 'object' && parsed !== null) return parsed;
    }
  } catch {
    // The parser's message may quote it.
  }
  throw new SluiceError('INVALID_ARGUMENT', `the ${noun} is not a JSON object`);
}
