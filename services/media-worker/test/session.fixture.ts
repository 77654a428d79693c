import { randomUUID } from 'node:crypto';
import { ChannelCredentials } from '@grpc/grpc-js';
import { DEFAULT_PURPOSE, type SluiceError } from '@sluice/core';
import { callUnary, responsesOf } from '@sluice/grpc-kit';
import { TrackKind } from '@sluice/proto-gen/common';
import {
  MediaNodeClient,
  type OpenSessionRequest,
  type SessionEvent,
  type SetLayersRequest,
  type SubscriptionOffered,
} from '@sluice/proto-gen/media_node';
import { eventually } from '@sluice/testing';
import { grantsOf } from '@sluice/tokens';

const DEADLINE_MS = 10_000;

/** A node in this process or in another. */
export interface NodeAt {
  readonly grpcAddress: string;
  readonly workers: { readonly list: readonly { readonly routerId: string }[] };
}

/** A gateway's view of one node. */
export class NodeCalls {
  readonly client: MediaNodeClient;

  constructor(readonly running: NodeAt) {
    this.client = new MediaNodeClient(running.grpcAddress, ChannelCredentials.createInsecure());
  }

  async open(
    room: string,
    participant: string,
    options: Partial<OpenSessionRequest> = {},
  ): Promise<SessionCalls> {
    const sessionId = options.sessionId ?? randomUUID();
    const request: OpenSessionRequest = {
      sessionId,
      routerId: this.running.workers.list[0]?.routerId ?? '',
      room,
      participant,
      username: participant,
      connectionId: `connection-of-${sessionId}`,
      grants: grantsOf(['publish', 'subscribe']),
      present: true,
      unattended: false,
      dials: false,
      publicationsMax: 0,
      tellsDemand: false,
      ...options,
    };
    await callUnary(this.client, this.client.openSession.bind(this.client), request, DEADLINE_MS);
    return new SessionCalls(this.client, sessionId);
  }

  /** The same, and watched by the time that it is there. */
  async openWatched(
    room: string,
    participant: string,
    options: Partial<OpenSessionRequest> = {},
  ): Promise<SessionCalls> {
    const session = await this.open(room, participant, options);
    session.watch();
    await eventually(() =>
      session.eventsOf('snapshot').length > 0 ? undefined : 'not watched yet',
    );
    return session;
  }

  drain(deadlineMs: number, reason = '') {
    const method = this.client.drain.bind(this.client);
    return callUnary(this.client, method, { deadlineMs, reason }, DEADLINE_MS);
  }

  undrain() {
    return callUnary(this.client, this.client.undrain.bind(this.client), {}, DEADLINE_MS);
  }

  state() {
    return callUnary(this.client, this.client.getState.bind(this.client), {}, DEADLINE_MS);
  }

  close(): void {
    this.client.close();
  }
}

/** One session, as its gateway uses it. */
export class SessionCalls {
  readonly events: NonNullable<SessionEvent['event']>[] = [];
  /** How the watch ended; undefined while it goes on. */
  watchEnd: 'ended' | SluiceError | undefined;
  #stopWatching: () => void = () => undefined;
  #answerer: ((offer: string) => Promise<string>) | undefined;

  constructor(
    private readonly client: MediaNodeClient,
    readonly sessionId: string,
  ) {}

  watch(): void {
    this.watchEnd = undefined;
    const call = this.client.watchSession({ sessionId: this.sessionId, gatewayId: 'test' });
    this.#stopWatching = () => call.cancel();
    void (async () => {
      for await (const { event } of responsesOf(call)) {
        if (!event) continue;
        this.events.push(event);
        if (event.$case === 'subscriptionOffered') await this.#answerOffer(event.value);
      }
    })().then(
      () => (this.watchEnd = 'ended'),
      (error: unknown) => (this.watchEnd = error as SluiceError),
    );
  }

  /** Has every offer that comes as an event answered, as a page would do. */
  follow(answer: (offer: string) => Promise<string>): void {
    this.#answerer = answer;
  }

  unwatch(): void {
    this.#stopWatching();
  }

  eventsOf<Case extends NonNullable<SessionEvent['event']>['$case']>($case: Case) {
    return this.events.filter(
      (event): event is Extract<NonNullable<SessionEvent['event']>, { $case: Case }> =>
        event.$case === $case,
    );
  }

  publish(sdp: string, purpose = DEFAULT_PURPOSE) {
    return this.#call(this.client.publish.bind(this.client), {
      purpose,
      sdp,
      scalabilityModes: {},
    });
  }

  negotiate(
    connection: string,
    sdp: string,
    purpose: string = DEFAULT_PURPOSE,
    purposes: { mid: string; purpose: string }[] = [],
  ) {
    const request = { connection, sdp, purpose, purposes };
    return this.#call(this.client.negotiate.bind(this.client), request);
  }

  offerConnection(connection: string) {
    return this.#call(this.client.offerConnection.bind(this.client), { connection });
  }

  answerOn(connection: string, sdp: string) {
    const request = { participant: '', purpose: '', sdp, connection };
    return this.#call(this.client.answerSubscription.bind(this.client), request);
  }

  setMuted(muted: boolean, kind = TrackKind.TRACK_KIND_UNSPECIFIED, purpose = DEFAULT_PURPOSE) {
    return this.#call(this.client.setMuted.bind(this.client), { purpose, kind, muted });
  }

  unpublish(purpose = DEFAULT_PURPOSE) {
    return this.#call(this.client.unpublish.bind(this.client), { purpose });
  }

  subscribe(
    participant: string,
    connection = '',
    purpose = DEFAULT_PURPOSE,
    overlap = false,
    withheld: string[] = [],
  ) {
    const how = { overlap, gather: false, bothWays: false, withheld: { trackIds: withheld } };
    const request = { participant, purpose, connection, ...how };
    return this.#call(this.client.subscribe.bind(this.client), request);
  }

  /** Subscribes without an offer: that of the next one has it. */
  gather(participant: string, connection: string) {
    const how = { overlap: false, gather: true, bothWays: false };
    const request = { participant, purpose: DEFAULT_PURPOSE, connection, ...how };
    return this.#call(this.client.subscribe.bind(this.client), request);
  }

  answer(participant: string, sdp: string, purpose = DEFAULT_PURPOSE) {
    return this.#call(this.client.answerSubscription.bind(this.client), {
      participant,
      purpose,
      sdp,
    });
  }

  subscribeByOffer(participant: string, sdp: string, purpose = DEFAULT_PURPOSE) {
    return this.#call(this.client.subscribeByOffer.bind(this.client), {
      participant,
      purpose,
      sdp,
    });
  }

  updateIce(known: string, fragment: string) {
    return this.#call(this.client.updateIce.bind(this.client), { known, fragment });
  }

  unsubscribe(participant: string, purpose = DEFAULT_PURPOSE) {
    return this.#call(this.client.unsubscribe.bind(this.client), { participant, purpose });
  }

  setLayers(participant: string, layers: Partial<SetLayersRequest>) {
    return this.#call(this.client.setLayers.bind(this.client), {
      participant,
      purpose: DEFAULT_PURPOSE,
      ...layers,
    });
  }

  restartSubscription(room: string, participant: string, connection = '') {
    const stream = { room, participant, purpose: DEFAULT_PURPOSE };
    return this.#call(this.client.restartIce.bind(this.client), {
      target: { $case: 'subscription' as const, value: { stream, connection } },
    });
  }

  stats() {
    return this.#call(this.client.getSessionStats.bind(this.client), {});
  }

  candidate(candidate: string, connection = '') {
    const request = { candidate, connection };
    return this.#call(this.client.addIceCandidate.bind(this.client), request);
  }

  closeSession(reason = '') {
    return this.#call(this.client.closeSession.bind(this.client), { reason });
  }

  async #answerOffer({ subscription, sdp }: SubscriptionOffered): Promise<void> {
    if (!this.#answerer) return;
    const answer = await this.#answerer(sdp);
    if (!subscription?.stream) {
      await this.answerOn(subscription?.connection ?? '', answer);
      return;
    }
    const { participant, purpose } = subscription.stream;
    await this.answer(participant, answer, purpose);
  }

  #call<Req extends { sessionId: string }, Res>(
    method: Parameters<typeof callUnary<Req, Res>>[1],
    request: Omit<Req, 'sessionId'>,
  ): Promise<Res> {
    const whole = { sessionId: this.sessionId, ...request } as Req;
    return callUnary(this.client, method, whole, DEADLINE_MS);
  }
}
