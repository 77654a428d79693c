import { Resource, hasCode, type Clock, type ResourceEvents } from '@sluice/core';
import type {
  Home,
  Layers,
  MediaNode,
  Negotiated,
  OfferedConnection,
  ScalabilityModes,
  SessionNotice,
  SessionWatch,
  SubscribeHow,
  Subscription,
  Track,
} from '../ports.js';

type Notice<Kind extends SessionNotice['kind']> = Extract<SessionNotice, { kind: Kind }>;

interface SessionEvents extends ResourceEvents {
  offered: [notice: Notice<'offered'>];
  connectionOffered: [notice: Notice<'connectionOffered'>];
  subscriptionEnded: [notice: Notice<'subscriptionEnded'>];
  trackRefused: [notice: Notice<'trackRefused'>];
  channelOpened: [notice: Notice<'channelOpened'>];
  failed: [notice: Notice<'failed'>];
  demandChanged: [notice: Notice<'demandChanged'>];
  /** It must be replaced; it works for `deadlineMs` more. */
  move: [move: { readonly reason: string; readonly deadlineMs: number }];
  /** The node does not have it any more, or does not answer. Then it closes. */
  lost: [reason: string];
  /** Another gateway watches it now. Then it closes here, and lives on there. */
  takenOver: [];
}

/** Why a session is lost whose node did not say it. */
export const NODE_LOST = 'node lost';

/** A node that is silent for so long has died: directories notice it in less. */
const WATCH_RETRY_DELAYS_MS: readonly number[] = [100, 250, 500, 1_000, 1_500];
/** A node that is taken for lost and still answers may only be cut off from the others. */
const CUT_OFF_DEADLINE_MS = 10_000;

/**
 * A session on a media node as its gateway holds it: watched while this object is open. Closing it
 * only ends the watch; the node keeps the session for its grace time unless it is told to end it.
 */
export class Session extends Resource<SessionEvents> {
  readonly publications = new Set<string>();
  readonly #subscriptions = new Map<string, Subscription>();
  /** PeerConnections whose latest offer the client has not answered. */
  readonly #unanswered = new Set<string>();
  #watch: SessionWatch | undefined;
  readonly #onSnapshot: (() => void)[] = [];
  #snapshotSeen = false;
  #watchFailures = 0;

  constructor(
    readonly sessionId: string,
    readonly home: Home,
    readonly node: MediaNode,
    private readonly clock: Clock,
  ) {
    super();
  }

  get subscriptions(): readonly Subscription[] {
    return [...this.#subscriptions.values()];
  }

  /** The subscription of a stream; one with its own PeerConnection when none is known. */
  subscriptionTo(participant: string, purpose: string): Subscription {
    const known = this.#subscriptions.get(keyOf(participant, purpose));
    return known ?? { participant, purpose, connection: undefined };
  }

  isSubscribed(participant: string, purpose: string): boolean {
    return this.#subscriptions.has(keyOf(participant, purpose));
  }

  /** An offer waits for the client's answer on the PeerConnection of this subscription. */
  isUnanswered(participant: string, purpose: string): boolean {
    return this.#unanswered.has(connectionOf(this.subscriptionTo(participant, purpose)));
  }

  async publish(
    purpose: string,
    offer: string,
    scalabilityModes?: ScalabilityModes,
  ): Promise<{ readonly sdp: string; readonly tracks: readonly Track[] }> {
    const published = await this.node.publish(this.sessionId, purpose, offer, scalabilityModes);
    this.publications.add(purpose);
    return published;
  }

  async negotiate(offered: OfferedConnection): Promise<Negotiated> {
    const negotiated = await this.node.negotiate(this.sessionId, offered);
    for (const purpose of [offered.purpose, ...(offered.purposes?.values() ?? [])]) {
      this.publications.add(purpose);
    }
    // An offer of the client rolls ours back; ours comes again after it.
    this.#unanswered.delete(offered.connection);
    return negotiated;
  }

  async answerConnection(connection: string, sdp: string): Promise<void> {
    await this.node.answerConnection(this.sessionId, connection, sdp);
    this.#unanswered.delete(connection);
  }

  async unpublish(purpose: string): Promise<void> {
    await this.node.unpublish(this.sessionId, purpose);
    this.publications.delete(purpose);
  }

  /** Our offer; empty when it follows later. */
  async subscribe(
    subscription: Subscription,
    how: Pick<SubscribeHow, 'overlap' | 'withheld'>,
  ): Promise<string> {
    const offer = await this.node.subscribe(this.sessionId, subscription, {
      ...how,
      gather: false,
      bothWays: false,
    });
    this.#add(subscription, offer !== '');
    return offer;
  }

  async answer(participant: string, purpose: string, sdp: string): Promise<void> {
    const subscription = this.subscriptionTo(participant, purpose);
    await this.node.answer(this.sessionId, subscription, sdp);
    this.#unanswered.delete(connectionOf(subscription));
  }

  async unsubscribe(participant: string, purpose: string): Promise<void> {
    const subscription = this.subscriptionTo(participant, purpose);
    await this.node.unsubscribe(this.sessionId, subscription);
    this.#remove(subscription);
  }

  async setLayers(participant: string, purpose: string, layers: Layers): Promise<void> {
    const subscription = this.subscriptionTo(participant, purpose);
    await this.node.setLayers(this.sessionId, subscription, layers);
  }

  /** Our new offer; empty when it follows later. */
  async restartSubscribing(participant: string, purpose: string): Promise<string> {
    const subscription = this.subscriptionTo(participant, purpose);
    return this.node.restartSubscribing(this.sessionId, subscription);
  }

  /** Starts to hear what the session has to say. */
  watch(): void {
    this.#follow();
  }

  /** A directory takes the node for lost. */
  suspect(): void {
    if (this.#watchFailures > 0) this.#end(() => this.emit('lost', NODE_LOST), NODE_LOST);
    else this.emit('move', { reason: NODE_LOST, deadlineMs: CUT_OFF_DEADLINE_MS });
  }

  /** False when the session closed, or `timeoutMs` passed, before it said how it is. */
  snapshot(timeoutMs: number): Promise<boolean> {
    if (this.#snapshotSeen) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = this.clock.after(timeoutMs, () => resolve(false));
      const settle = (seen: boolean) => {
        timer.cancel();
        resolve(seen);
      };
      this.#onSnapshot.push(() => settle(true));
      this.onClosed(() => settle(false));
    });
  }

  protected override release(): void {
    this.#watch?.stop();
  }

  #follow(): void {
    if (this.closed) return;
    this.#watch = this.node.watchSession(this.sessionId, {
      onNotice: (notice) => {
        this.#watchFailures = 0;
        this.#handle(notice);
      },
      onOver: (error) => {
        if (error === undefined) this.#end(() => this.emit('takenOver'), 'taken over');
        else this.#followAgain(error);
      },
    });
  }

  #followAgain(error: unknown): void {
    const delayMs = WATCH_RETRY_DELAYS_MS[this.#watchFailures];
    this.#watchFailures += 1;
    if (delayMs === undefined || !mayComeBack(error)) {
      this.#end(() => this.emit('lost', NODE_LOST), NODE_LOST);
    } else this.clock.after(delayMs, () => this.#follow());
  }

  #handle(notice: SessionNotice): void {
    switch (notice.kind) {
      case 'snapshot':
        this.#restore(notice);
        break;
      case 'offered':
        this.#add(notice.subscription, true);
        this.emit('offered', notice);
        break;
      case 'connectionOffered':
        this.#unanswered.add(notice.connection);
        this.emit('connectionOffered', notice);
        break;
      case 'subscriptionEnded':
        this.#remove(notice.subscription);
        this.emit('subscriptionEnded', notice);
        break;
      case 'trackRefused':
        this.emit('trackRefused', notice);
        break;
      case 'channelOpened':
        this.emit('channelOpened', notice);
        break;
      case 'failed':
        this.emit('failed', notice);
        break;
      case 'demandChanged':
        this.emit('demandChanged', notice);
        break;
      case 'move':
        this.emit('move', notice);
        break;
      case 'ended':
        this.#end(() => this.emit('lost', notice.reason), notice.reason);
        break;
    }
  }

  #restore(snapshot: Notice<'snapshot'>): void {
    for (const purpose of snapshot.publications) this.publications.add(purpose);
    for (const subscription of snapshot.subscriptions) this.#add(subscription, false);
    this.#snapshotSeen = true;
    for (const listener of this.#onSnapshot.splice(0)) listener();
  }

  #add(subscription: Subscription, offered: boolean): void {
    this.#subscriptions.set(keyOf(subscription.participant, subscription.purpose), subscription);
    if (offered) this.#unanswered.add(connectionOf(subscription));
  }

  #remove(subscription: Subscription): void {
    this.#subscriptions.delete(keyOf(subscription.participant, subscription.purpose));
    const connection = connectionOf(subscription);
    const shared = this.subscriptions.some((other) => connectionOf(other) === connection);
    if (!shared) this.#unanswered.delete(connection);
  }

  #end(announce: () => void, reason: string): void {
    if (this.closed) return;
    announce();
    this.close(reason);
  }
}

/** Anything else, such as NOT_FOUND, is the node's own word that the session is gone. */
function mayComeBack(error: unknown): boolean {
  return !hasCode(error, 'NOT_FOUND', 'INVALID_ARGUMENT', 'PERMISSION_DENIED');
}

function keyOf(participant: string, purpose: string): string {
  return `${participant}\n${purpose}`;
}

/** Names have no control characters, so shared and own connections never collide. */
function connectionOf({ participant, purpose, connection }: Subscription): string {
  return connection ?? keyOf(participant, purpose);
}
