import { callUnary, type ClientPool } from '@sluice/grpc-kit';
import {
  MediaNodeService,
  type MediaNodeClient,
  type TrackIds,
} from '@sluice/proto-gen/media_node';
import type {
  DataChannelClientOpening,
  IceUpdate,
  Layers,
  MediaNode,
  MediaNodes,
  Mute,
  Negotiated,
  OfferedConnection,
  ScalabilityModes,
  SessionListener,
  SessionOpening,
  SessionWatch,
  SubscribeHow,
  Subscription,
  SubscriptionStats,
  Track,
} from '../domain/ports.js';
import { fromKind, toKind, toNotice, toTrack } from '../proto/from-proto.js';
import { SessionWatches } from './session-watches.js';

const OPEN_DEADLINE_MS = 3_000;
/** Negotiating makes transports and may open a relay. */
const NEGOTIATION_DEADLINE_MS = 10_000;
const COMMAND_DEADLINE_MS = 5_000;

/** The cluster's media nodes over gRPC. */
export class GrpcMediaNodes implements MediaNodes {
  readonly #watches = new Map<string, SessionWatches>();

  constructor(
    private readonly clients: ClientPool<MediaNodeClient>,
    private readonly gatewayId: string,
  ) {}

  at(grpcAddress: string): MediaNode {
    return new GrpcMediaNode(this.clients.at(grpcAddress), this.#watchesAt(grpcAddress));
  }

  #watchesAt(grpcAddress: string): SessionWatches {
    const known = this.#watches.get(grpcAddress);
    if (known) return known;
    const watches = new SessionWatches(this.clients.at(grpcAddress), this.gatewayId);
    this.#watches.set(grpcAddress, watches);
    return watches;
  }
}

class GrpcMediaNode implements MediaNode {
  constructor(
    private readonly client: MediaNodeClient,
    private readonly watches: SessionWatches,
  ) {}

  async openSession(opening: SessionOpening): Promise<void> {
    await callUnary(this.client, MediaNodeService.openSession, opening, OPEN_DEADLINE_MS);
  }

  async openDataChannelClient(opening: DataChannelClientOpening): Promise<string> {
    const { sdp } = await callUnary(
      this.client,
      MediaNodeService.openDataChannelClient,
      opening,
      NEGOTIATION_DEADLINE_MS,
    );
    return sdp;
  }

  watchSession(sessionId: string, listener: SessionListener): SessionWatch {
    return this.watches.watch(sessionId, {
      onEvent: (event) => {
        const notice = toNotice(event);
        if (notice) listener.onNotice(notice);
      },
      onOver: (error) => listener.onOver(error),
    });
  }

  async closeSession(sessionId: string, reason: string): Promise<void> {
    const request = { sessionId, reason };
    await callUnary(this.client, MediaNodeService.closeSession, request, COMMAND_DEADLINE_MS);
  }

  async publish(
    sessionId: string,
    purpose: string,
    sdp: string,
    scalabilityModes: ScalabilityModes = {},
  ): Promise<{ sdp: string; tracks: Track[] }> {
    const request = { sessionId, purpose, sdp, scalabilityModes };
    const response = await callUnary(
      this.client,
      MediaNodeService.publish,
      request,
      NEGOTIATION_DEADLINE_MS,
    );
    return { sdp: response.sdp, tracks: response.tracks.map(toTrack) };
  }

  async negotiate(sessionId: string, offered: OfferedConnection): Promise<Negotiated> {
    const { connection, sdp, purpose, purposes = new Map<string, string>() } = offered;
    const byMid = [...purposes].map(([mid, own]) => ({ mid, purpose: own }));
    const response = await callUnary(
      this.client,
      MediaNodeService.negotiate,
      { sessionId, connection, sdp, purpose, purposes: byMid },
      NEGOTIATION_DEADLINE_MS,
    );
    return { sdp: response.sdp, tracks: response.tracks.map(toTrack) };
  }

  async unpublish(sessionId: string, purpose: string): Promise<void> {
    const request = { sessionId, purpose };
    await callUnary(this.client, MediaNodeService.unpublish, request, COMMAND_DEADLINE_MS);
  }

  async setMuted(sessionId: string, purpose: string, { kind, muted }: Mute): Promise<void> {
    const request = { sessionId, purpose, kind: fromKind(kind), muted };
    await callUnary(this.client, MediaNodeService.setMuted, request, COMMAND_DEADLINE_MS);
  }

  async subscribe(
    sessionId: string,
    subscription: Subscription,
    how: SubscribeHow,
  ): Promise<string> {
    const { participant, purpose, connection = '' } = subscription;
    const withheld = trackIds(how.withheld);
    const request = { sessionId, participant, purpose, connection, ...how, withheld };
    const { sdp } = await callUnary(
      this.client,
      MediaNodeService.subscribe,
      request,
      NEGOTIATION_DEADLINE_MS,
    );
    return sdp;
  }

  async answer(sessionId: string, subscription: Subscription, sdp: string): Promise<void> {
    const request = { ...refOf(sessionId, subscription), sdp };
    const { client } = this;
    await callUnary(client, MediaNodeService.answerSubscription, request, NEGOTIATION_DEADLINE_MS);
  }

  async offerConnection(sessionId: string, connection: string): Promise<string> {
    const request = { sessionId, connection };
    const { client } = this;
    const { offerConnection } = MediaNodeService;
    const response = await callUnary(client, offerConnection, request, NEGOTIATION_DEADLINE_MS);
    return response.sdp;
  }

  async answerConnection(sessionId: string, connection: string, sdp: string): Promise<void> {
    const request = { sessionId, participant: '', purpose: '', connection, sdp };
    const { client } = this;
    await callUnary(client, MediaNodeService.answerSubscription, request, NEGOTIATION_DEADLINE_MS);
  }

  async subscribeByOffer(
    sessionId: string,
    subscription: Subscription,
    sdp: string,
  ): Promise<string> {
    const request = { ...refOf(sessionId, subscription), sdp };
    const { client } = this;
    const { subscribeByOffer } = MediaNodeService;
    const response = await callUnary(client, subscribeByOffer, request, NEGOTIATION_DEADLINE_MS);
    return response.sdp;
  }

  async unsubscribe(sessionId: string, subscription: Subscription): Promise<void> {
    const request = refOf(sessionId, subscription);
    await callUnary(this.client, MediaNodeService.unsubscribe, request, COMMAND_DEADLINE_MS);
  }

  async setLayers(sessionId: string, subscription: Subscription, layers: Layers): Promise<void> {
    const lists = { unwanted: trackIds(layers.unwanted), withheld: trackIds(layers.withheld) };
    const request = { ...refOf(sessionId, subscription), ...layers, ...lists };
    await callUnary(this.client, MediaNodeService.setLayers, request, COMMAND_DEADLINE_MS);
  }

  async restartPublishing(sessionId: string, purpose: string): Promise<void> {
    const target = { $case: 'publicationPurpose', value: purpose } as const;
    await this.#restartIce({ sessionId, target });
  }

  restartSubscribing(sessionId: string, subscription: Subscription): Promise<string> {
    const { participant, purpose, connection = '' } = subscription;
    // The node knows the session's room.
    const value = { stream: { room: '', participant, purpose }, connection };
    return this.#restartIce({ sessionId, target: { $case: 'subscription', value } });
  }

  async updateIce(sessionId: string, known: string, fragment: string): Promise<IceUpdate> {
    const request = { sessionId, known, fragment };
    const { updateIce } = MediaNodeService;
    const update = await callUnary(this.client, updateIce, request, COMMAND_DEADLINE_MS);
    if (update.stale) return { kind: 'stale' };
    if (update.fragment === '') return { kind: 'trickled' };
    const { usernameFragment } = update;
    return { kind: 'restarted', fragment: update.fragment, usernameFragment };
  }

  async addIceCandidate(sessionId: string, candidate: string, connection = ''): Promise<void> {
    const request = { sessionId, candidate, connection };
    await callUnary(this.client, MediaNodeService.addIceCandidate, request, COMMAND_DEADLINE_MS);
  }

  async statsOf(sessionId: string): Promise<SubscriptionStats[]> {
    const { client } = this;
    const { subscriptions } = await callUnary(
      client,
      MediaNodeService.getSessionStats,
      { sessionId },
      COMMAND_DEADLINE_MS,
    );
    return subscriptions.map(({ stream, path, tracks }) => ({
      participant: stream?.participant ?? '',
      purpose: stream?.purpose ?? '',
      path,
      tracks: tracks.map(({ kind, ...track }) => ({ ...track, kind: toKind(kind) })),
    }));
  }

  async drain(deadlineMs: number, reason: string): Promise<void> {
    const request = { deadlineMs, reason };
    await callUnary(this.client, MediaNodeService.drain, request, COMMAND_DEADLINE_MS);
  }

  async undrain(): Promise<void> {
    await callUnary(this.client, MediaNodeService.undrain, {}, COMMAND_DEADLINE_MS);
  }

  async #restartIce(request: Parameters<MediaNodeClient['restartIce']>[0]): Promise<string> {
    const { client } = this;
    const { sdp } = await callUnary(
      client,
      MediaNodeService.restartIce,
      request,
      NEGOTIATION_DEADLINE_MS,
    );
    return sdp;
  }
}

function trackIds(ids: readonly string[] | undefined): TrackIds | undefined {
  return ids && { trackIds: [...ids] };
}

function refOf(
  sessionId: string,
  { participant, purpose }: Subscription,
): { sessionId: string; participant: string; purpose: string } {
  return { sessionId, participant, purpose };
}
