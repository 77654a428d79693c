import { z } from 'zod';
import {
  CANDIDATE_MAX_CHARACTERS,
  DEFAULT_PURPOSE,
  FRAME_MAX_BYTES,
  MID_MAX_CHARACTERS,
  SCALABILITY_MODES_MAX,
} from './limits.js';
import { name, participantId } from './names.js';

/** Chosen by the client, echoed in the reply and in the error of a request. */
const requestId = z
  .union([z.string().max(128), z.number()], { error: 'must be a string or a number' })
  .nullish()
  .transform((id) => id ?? undefined);

const purpose = name.nullish().transform((given) => given ?? DEFAULT_PURPOSE);
const sdp = z.string().max(FRAME_MAX_BYTES);
const candidateLine = z.string().max(CANDIDATE_MAX_CHARACTERS);

/** The line itself, or the RTCIceCandidate that carries it; null and '' end the candidates. */
const candidate = z
  .union([candidateLine, z.object({ candidate: candidateLine }), z.null()], {
    error: 'must be a candidate line',
  })
  .transform((given) => (typeof given === 'string' ? given : (given?.candidate ?? '')));

/** What one client says to another through us, beside which the server only looks at the size. */
const peerCandidate = z.union(
  [
    candidateLine,
    z.object({
      candidate: candidateLine,
      sdpMid: z.string().max(64).nullish(),
      sdpMLineIndex: z.int().min(0).nullish(),
      usernameFragment: z.string().max(256).nullish(),
    }),
  ],
  { error: 'must be a candidate line or an RTCIceCandidateInit' },
);

const inRoom = { id: requestId, roomName: name };
const ofPublisher = { ...inRoom, publisherId: participantId, purpose };
const layer = z
  .int()
  .min(0)
  .max(15)
  .nullish()
  .transform((given) => given ?? undefined);

/** WebRTC-SVC names them. */
const SCALABILITY_MODE = /^[LS][1-3]T[1-3]h?(_KEY(_SHIFT)?)?$/;

/** By mid, as a page has them of `RTCRtpSender.getParameters()`. */
const scalabilityModes = z
  .custom<Readonly<Record<string, string>>>(isScalabilityModes, {
    error: 'must be scalability modes by mid',
  })
  .nullish()
  .transform((given) => given ?? undefined);

const resumeToken = z.string().min(1).max(8_192);

/**
 * Every message of a client. Unknown fields are ignored, as clients of other servers send their own.
 */
export const clientMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('auth'), id: requestId, token: z.string() }),
  z.object({ type: z.literal('resume'), id: requestId, resumeToken }),
  z.object({ type: z.literal('join-room'), ...inRoom, password: z.string().nullish() }),
  z.object({ type: z.literal('leave-room'), ...inRoom }),
  z.object({ type: z.literal('publish-offer'), ...inRoom, offer: sdp, purpose, scalabilityModes }),
  z.object({ type: z.literal('publish-ice-candidate'), ...inRoom, candidate }),
  z.object({ type: z.literal('unpublish'), ...inRoom, purpose }),
  z.object({
    type: z.literal('subscribe-request'),
    ...ofPublisher,
    /** Subscriptions with the same value share one PeerConnection. */
    connection: name.nullish().transform((given) => given ?? undefined),
    /** A picture from another source gets an m-line beside the old one's until it flows. */
    overlap: z
      .boolean()
      .nullish()
      .transform((given) => given ?? undefined),
  }),
  z.object({ type: z.literal('subscribe-answer'), ...ofPublisher, answer: sdp }),
  z.object({ type: z.literal('subscribe-ice-candidate'), ...ofPublisher, candidate }),
  z.object({ type: z.literal('unsubscribe'), ...ofPublisher }),
  z.object({
    type: z.literal('set-layers'),
    ...ofPublisher,
    spatial: layer,
    temporal: layer,
    paused: z
      .boolean()
      .nullish()
      .transform((given) => given ?? undefined),
  }),
  z.object({
    type: z.literal('restart-ice'),
    ...inRoom,
    /** Absent: the publishing connection of `purpose`. */
    publisherId: participantId.nullish().transform((given) => given ?? undefined),
    purpose,
  }),
  z.object({ type: z.literal('get-stats'), ...inRoom }),
  /** Everything of the room flows where the last `move` sent it: the old PeerConnections are closed. */
  z.object({ type: z.literal('moved'), ...inRoom }),
  z.object({ type: z.literal('offer'), ...inRoom, sdp, targetUserId: participantId }),
  z.object({ type: z.literal('answer'), ...inRoom, sdp, targetUserId: participantId }),
  z.object({
    type: z.literal('ice-candidate'),
    ...inRoom,
    candidate: peerCandidate,
    sdpMid: z.string().max(64).nullish(),
    sdpMLineIndex: z.int().min(0).nullish(),
    targetUserId: participantId,
  }),
]);

/** A message of a client, checked, with its defaults filled in and participants as strings. */
export type ClientMessage = z.output<typeof clientMessage>;
/** A message as a client may write it. */
export type ClientMessageInput = z.input<typeof clientMessage>;
export type ClientMessageType = ClientMessage['type'];
export type ClientMessageOf<Type extends ClientMessageType> = Extract<
  ClientMessage,
  { type: Type }
>;
export type RequestId = ClientMessage['id'];

/** All types, for metrics with bounded labels. */
export const CLIENT_MESSAGE_TYPES: readonly ClientMessageType[] = clientMessage.options.map(
  (option) => option.shape.type.value,
);

function isScalabilityModes(given: unknown): boolean {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return false;
  const modes = Object.entries(given);
  return (
    modes.length <= SCALABILITY_MODES_MAX &&
    modes.every(
      ([mid, mode]) =>
        mid.length <= MID_MAX_CHARACTERS && typeof mode === 'string' && SCALABILITY_MODE.test(mode),
    )
  );
}
