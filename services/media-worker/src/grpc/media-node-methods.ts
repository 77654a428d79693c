import { SessionId, SluiceError, parseName } from '@sluice/core';
import type { CallContext } from '@sluice/grpc-kit';
import { TrackKind, type IngestDefinition, type RelayState } from '@sluice/proto-gen/common';
import type {
  AddIceCandidateRequest,
  AnswerSubscriptionRequest,
  CloseSessionRequest,
  DrainRequest,
  Empty,
  GetSessionStatsRequest,
  GetSessionStatsResponse,
  GetStateResponse,
  NegotiateRequest,
  NegotiateResponse,
  OfferConnectionRequest,
  OfferConnectionResponse,
  OpenDataChannelClientRequest,
  OpenDataChannelClientResponse,
  OpenSessionRequest,
  OpenSessionResponse,
  PublishRequest,
  PublishResponse,
  RestartIceRequest,
  RestartIceResponse,
  SessionEvent,
  SetLayersRequest,
  SetMutedRequest,
  SetPresenceRequest,
  StartIngestRequest,
  StopIngestRequest,
  SubscribeByOfferRequest,
  SubscribeByOfferResponse,
  SubscribeRequest,
  SubscribeResponse,
  TrackIds,
  UnpublishRequest,
  UnsubscribeRequest,
  UpdateIceRequest,
  UpdateIceResponse,
  WatchSessionRequest,
} from '@sluice/proto-gen/media_node';
import type { DataChannelClients } from '../domain/sfu-to-sfu/data-channel-clients.js';
import type { SecretBox } from '@sluice/tokens';
import type { Ingests } from '../domain/ingests/ingests.js';
import type { MediaNode } from '../domain/node/media-node.js';
import type { NodeIdentity } from '../domain/ports.js';
import { statsOf } from '../domain/sessions/session-stats.js';
import type { Session } from '../domain/sessions/session.js';
import { fromIngestReport, toIngestTask } from './ingest-messages.js';
import {
  boundedCandidate,
  boundedSdp,
  boundedText,
  connectionKey,
  fromSessionEvent,
  toClientProfile,
  toProfile,
  toPurposes,
  toStreamName,
} from './session-messages.js';

export interface MediaNodeMethodsOptions {
  readonly identity: NodeIdentity;
  readonly node: MediaNode;
  readonly clients: DataChannelClients;
  /** The revision of the last fact. */
  readonly revision: () => number;
  readonly relays: () => readonly RelayState[];
  readonly ingests: Ingests<IngestDefinition>;
  /** Makes sealed URLs readable. */
  readonly urls: Pick<SecretBox, 'open'>;
}

/** Each method of the service: checks what came, calls the use case, says what became of it. */
export function mediaNodeMethods(options: MediaNodeMethodsOptions) {
  const sessionOf = (request: { readonly sessionId: string }) =>
    options.node.get(SessionId(request.sessionId));
  return {
    ...lifeMethods(options, sessionOf),
    ...publishingMethods(sessionOf),
    ...subscribingMethods(sessionOf),
    ...readingMethods(options, sessionOf),
    ...ingestMethods(options),
  };
}

/** A day: people sit in meetings, and timers take no more than 24 of them. */
const DRAIN_MAX_MS = 24 * 60 * 60 * 1_000;

function kindsOf(kind: TrackKind): readonly ('audio' | 'video')[] {
  if (kind === TrackKind.TRACK_KIND_AUDIO) return ['audio'];
  return kind === TrackKind.TRACK_KIND_VIDEO ? ['video'] : ['audio', 'video'];
}

type SessionOf = (request: { readonly sessionId: string }) => Session;

function lifeMethods({ node, clients, identity }: MediaNodeMethodsOptions, sessionOf: SessionOf) {
  return {
    openDataChannelClient: async (
      request: OpenDataChannelClientRequest,
    ): Promise<OpenDataChannelClientResponse> => {
      const { routerId } = request;
      return {
        sdp: await clients.open(toClientProfile(request), routerId, boundedSdp(request.sdp)),
      };
    },
    openSession: (request: OpenSessionRequest): OpenSessionResponse => {
      node.openSession(toProfile(request), request.routerId, request.present);
      return { nodeId: identity.nodeId, bootId: identity.bootId };
    },
    watchSession: async (
      request: WatchSessionRequest,
      write: (event: SessionEvent) => void,
      { signal }: CallContext,
    ): Promise<void> => {
      const session = sessionOf(request);
      if (signal.aborted) return;
      const attachment = session.attach((event) => write(fromSessionEvent(event)));
      signal.addEventListener('abort', () => attachment.detach(), { once: true });
      await attachment.over;
    },
    closeSession: ({ sessionId, reason }: CloseSessionRequest): Empty => {
      node.closeSession(SessionId(sessionId), boundedText('reason', reason) || 'requested');
      return {};
    },
    drain: ({ deadlineMs, reason }: DrainRequest): Empty => {
      if (deadlineMs > DRAIN_MAX_MS) {
        throw new SluiceError('INVALID_ARGUMENT', 'the deadline is too far away');
      }
      // It goes on when this call is over.
      void node.drain(deadlineMs, boundedText('reason', reason) || 'draining');
      return {};
    },
    undrain: (): Empty => {
      node.undrain();
      return {};
    },
    setPresence: (request: SetPresenceRequest): Empty => {
      sessionOf(request).setPresent(request.present);
      return {};
    },
  };
}

function publishingMethods(sessionOf: SessionOf) {
  return {
    publish: async (request: PublishRequest): Promise<PublishResponse> => {
      const purpose = parseName('purpose', request.purpose);
      const hints = { scalabilityModes: new Map(Object.entries(request.scalabilityModes)) };
      const { answer, tracks } = await sessionOf(request).publish(
        purpose,
        boundedSdp(request.sdp),
        hints,
      );
      return { sdp: answer, tracks };
    },
    negotiate: async (request: NegotiateRequest): Promise<NegotiateResponse> => {
      const key = connectionKey(request.connection);
      const purposes = toPurposes(request);
      const { answer, tracks } = await sessionOf(request).negotiate(
        key,
        boundedSdp(request.sdp),
        purposes,
      );
      return { sdp: answer, tracks };
    },
    unpublish: async (request: UnpublishRequest): Promise<Empty> => {
      await sessionOf(request).unpublish(parseName('purpose', request.purpose));
      return {};
    },
    setMuted: async ({ sessionId, purpose, kind, muted }: SetMutedRequest): Promise<Empty> => {
      const { publications } = sessionOf({ sessionId });
      await publications.get(parseName('purpose', purpose)).setMuted(kindsOf(kind), muted);
      return {};
    },
    restartIce: async ({ sessionId, target }: RestartIceRequest): Promise<RestartIceResponse> => {
      const session = sessionOf({ sessionId });
      if (target?.$case === 'publicationPurpose') {
        await session.restartPublishing(parseName('purpose', target.value));
        return { sdp: '' };
      }
      const stream = target?.value.stream;
      if (!stream) throw new SluiceError('INVALID_ARGUMENT', 'the target is missing');
      const name = toStreamName(session.profile.room, stream);
      return { sdp: await session.restartSubscribing(name) };
    },
    updateIce: async (request: UpdateIceRequest): Promise<UpdateIceResponse> => {
      const known = boundedText('known', request.known);
      const update = await sessionOf(request).updateIce(known, boundedSdp(request.fragment));
      const nothing = { stale: update.kind === 'stale', fragment: '', usernameFragment: '' };
      return update.kind === 'restarted' ? { ...nothing, ...update } : nothing;
    },
    addIceCandidate: (request: AddIceCandidateRequest): Empty => {
      const { connection } = request;
      sessionOf(request).addCandidate(
        boundedCandidate(request.candidate),
        connection === '' ? '' : connectionKey(connection),
      );
      return {};
    },
  };
}

function idSet(ids: TrackIds | undefined): ReadonlySet<string> | undefined {
  return ids && new Set(ids.trackIds);
}

function subscribingMethods(sessionOf: SessionOf) {
  return {
    subscribe: async (request: SubscribeRequest): Promise<SubscribeResponse> => {
      const session = sessionOf(request);
      const name = toStreamName(session.profile.room, request);
      const key = boundedText('connection', request.connection);
      const { overlap, gather, bothWays } = request;
      const withheld = idSet(request.withheld);
      const how = { overlap, gather, bothWays, withheld };
      return { sdp: await session.subscribe(name, key, how) };
    },
    offerConnection: async (request: OfferConnectionRequest): Promise<OfferConnectionResponse> => {
      const session = sessionOf(request);
      return { sdp: await session.offerConnection(connectionKey(request.connection)) };
    },
    subscribeByOffer: async (
      request: SubscribeByOfferRequest,
    ): Promise<SubscribeByOfferResponse> => {
      const session = sessionOf(request);
      const name = toStreamName(session.profile.room, request);
      return { sdp: await session.subscribeByOffer(name, boundedSdp(request.sdp)) };
    },
    answerSubscription: async (request: AnswerSubscriptionRequest): Promise<Empty> => {
      const session = sessionOf(request);
      const sdp = boundedSdp(request.sdp);
      if (request.connection !== undefined) {
        await session.answerOn(connectionKey(request.connection), sdp);
      } else {
        await session.answer(toStreamName(session.profile.room, request), sdp);
      }
      return {};
    },
    unsubscribe: async (request: UnsubscribeRequest): Promise<Empty> => {
      const session = sessionOf(request);
      await session.unsubscribe(toStreamName(session.profile.room, request));
      return {};
    },
    setLayers: async (request: SetLayersRequest): Promise<Empty> => {
      const session = sessionOf(request);
      const { spatial, temporal, paused } = request;
      const lists = { unwanted: idSet(request.unwanted), withheld: idSet(request.withheld) };
      const name = toStreamName(session.profile.room, request);
      await session.setLayers(name, { spatial, temporal, paused, ...lists });
      return {};
    },
  };
}

function readingMethods(options: MediaNodeMethodsOptions, sessionOf: SessionOf) {
  const { identity, node, revision, relays, ingests } = options;
  return {
    /** Read in one go, so that the revision is that of the state. */
    getState: (): GetStateResponse => {
      return {
        nodeId: identity.nodeId,
        bootId: identity.bootId,
        revision: revision(),
        sessions: [...node.sessionRefs],
        streams: [...node.streams],
        relays: [...relays()],
        ingests: ingests.reports.map(fromIngestReport),
      };
    },
    getSessionStats: async (request: GetSessionStatsRequest): Promise<GetSessionStatsResponse> => {
      const { subscriptions } = sessionOf(request);
      return { subscriptions: await Promise.all(subscriptions.list.map(statsOf)) };
    },
  };
}

function ingestMethods({ ingests, urls }: MediaNodeMethodsOptions) {
  return {
    startIngest: (request: StartIngestRequest): Empty => {
      ingests.start(toIngestTask(request, urls));
      return {};
    },
    stopIngest: ({ sessionId }: StopIngestRequest): Empty => {
      ingests.stop(SessionId(sessionId));
      return {};
    },
  };
}
