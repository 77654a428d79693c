import { z } from 'zod';
import type { ErrorCode } from '@sluice/core';

const id = z.union([z.string(), z.number()]).optional();
const participant = z.union([z.string(), z.number()]);

export const wireTrack = z.object({
  /** `audio`, `video` and `data` for the first of each kind: the track's id in SDP as well. */
  trackId: z.string(),
  kind: z.enum(['audio', 'video', 'data']),
  /** Muted at the source. */
  paused: z.boolean(),
  /** Empty for data. */
  mimeType: z.string(),
  /** Of a data channel, as its publisher gave them. */
  label: z.string().optional(),
  protocol: z.string().optional(),
});
/** One audio or video source inside a stream, or one data channel. */
export type WireTrack = z.output<typeof wireTrack>;

export const wireUser = z.object({ userId: participant, username: z.string() });
export type WireUser = z.output<typeof wireUser>;

const publisherFields = {
  publisherId: participant,
  username: z.string(),
  purpose: z.string(),
  tracks: z.array(wireTrack),
};
export const wirePublisher = z.object(publisherFields);
/** A stream that can be subscribed to. */
export type WirePublisher = z.output<typeof wirePublisher>;

const who = {
  userId: participant,
  user_id: participant,
  username: z.string(),
  /** Hand it to `resume`, on any gateway, when this connection breaks. */
  resumeToken: z.string(),
  iceServers: z.array(z.record(z.string(), z.unknown())),
};

const roomState = {
  roomName: z.string(),
  /** The node that is the client's home in this room. */
  node: z.string(),
  participants: z.array(wireUser),
  publishers: z.array(wirePublisher),
};

const ofPublisher = { roomName: z.string(), publisherId: participant, purpose: z.string() };
const fromPeer = { roomName: z.string(), fromUserId: participant, username: z.string() };

export const wireSubscriptionStats = z.object({
  publisherId: participant,
  purpose: z.string(),
  /** Node ids from the publisher's to the client's, both included. */
  path: z.array(z.string()),
  tracks: z.array(
    z.object({
      trackId: z.string(),
      kind: z.enum(['audio', 'video']),
      mimeType: z.string(),
      bitrateBps: z.number(),
      /** What is sent now; absent when nothing is. */
      spatial: z.number().optional(),
      temporal: z.number().optional(),
      /** Fraction of packets lost between the client and its node, 0 to 1. */
      loss: z.number(),
    }),
  ),
});
export type WireSubscriptionStats = z.output<typeof wireSubscriptionStats>;

/** Every message of the server. A client ignores types and fields that it does not know. */
export const serverMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('authenticated'), id, ...who }),
  z.object({
    type: z.literal('resumed'),
    id,
    ...who,
    rooms: z.array(
      z.object({
        ...roomState,
        publications: z.array(z.string()),
        subscriptions: z.array(
          z.object({
            publisherId: participant,
            purpose: z.string(),
            connection: z.string().optional(),
          }),
        ),
      }),
    ),
  }),
  z.object({ type: z.literal('room-joined'), id, userId: participant, ...roomState }),
  z.object({ type: z.literal('room-left'), id, roomName: z.string(), userId: participant }),
  z.object({ type: z.literal('user-joined'), roomName: z.string(), user: wireUser }),
  z.object({
    type: z.literal('user-left'),
    roomName: z.string(),
    userId: participant,
    user: wireUser,
  }),
  z.object({ type: z.literal('new-publisher'), roomName: z.string(), ...publisherFields }),
  z.object({ type: z.literal('publisher-changed'), roomName: z.string(), ...publisherFields }),
  z.object({ type: z.literal('publisher-left'), ...ofPublisher }),
  z.object({
    type: z.literal('publish-answer'),
    id,
    roomName: z.string(),
    purpose: z.string(),
    answer: z.string(),
    tracks: z.array(wireTrack),
  }),
  z.object({
    type: z.literal('publish-ice-candidate'),
    id,
    roomName: z.string(),
    candidate: z.string(),
  }),
  z.object({
    type: z.literal('subscribe-offer'),
    id,
    ...ofPublisher,
    offer: z.string(),
    connection: z.string().optional(),
  }),
  /** The server has opened a data channel for a subscription: `streamId` is its `id` in the client. */
  z.object({
    type: z.literal('data-channel'),
    ...ofPublisher,
    connection: z.string().optional(),
    trackId: z.string(),
    streamId: z.number(),
  }),
  z.object({
    type: z.literal('subscribe-ice-candidate'),
    id,
    ...ofPublisher,
    candidate: z.string(),
  }),
  z.object({
    type: z.literal('stats'),
    id,
    roomName: z.string(),
    node: z.string(),
    subscriptions: z.array(wireSubscriptionStats),
  }),
  /** To a request with an `id` whose success has no message of its own. */
  z.object({ type: z.literal('done'), id, request: z.string() }),
  z.object({
    type: z.literal('active-speakers'),
    roomName: z.string(),
    /** Loudest first; volume in dBov, -127 (silence) to 0. */
    speakers: z.array(z.object({ userId: participant, volume: z.number() })),
  }),
  /**
   * Please establish your PeerConnections of this room again: their node drains or is lost. The old
   * ones work for `deadlineMs` more, or until you say `moved`.
   */
  z.object({
    type: z.literal('move'),
    roomName: z.string(),
    reason: z.string(),
    deadlineMs: z.number(),
  }),
  z.object({ type: z.literal('offer'), ...fromPeer, sdp: z.string() }),
  z.object({ type: z.literal('answer'), ...fromPeer, sdp: z.string() }),
  z.object({
    type: z.literal('ice-candidate'),
    ...fromPeer,
    candidate: z.unknown(),
    sdpMid: z.string().nullish(),
    sdpMLineIndex: z.number().nullish(),
  }),
  z.object({
    type: z.literal('error'),
    id,
    message: z.string(),
    code: z.custom<ErrorCode>((code) => typeof code === 'string'),
    /** Which room, publisher and purpose it is about, where it is about one. */
    roomName: z.string().optional(),
    publisherId: participant.optional(),
    purpose: z.string().optional(),
    trackId: z.string().optional(),
  }),
]);

export type ServerMessage = z.output<typeof serverMessage>;
export type ServerMessageType = ServerMessage['type'];
export type ServerMessageOf<Type extends ServerMessageType> = Extract<
  ServerMessage,
  { type: Type }
>;
