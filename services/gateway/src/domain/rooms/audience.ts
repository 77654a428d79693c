import { Resource, hasCode, type Clock, type ResourceEvents, type Timer } from '@sluice/core';
import type { Observer, Subscription } from '../ports.js';
import type { Room } from './room.js';
import type { Publisher } from './room-view.js';
import type { Session } from '../sessions/session.js';

interface AudienceEvents extends ResourceEvents {
  /** The client is sent a stream from now on, but for those of its tracks. */
  subscribed: [publisher: Publisher, withheld: readonly string[]];
  /** Our offer, to be answered before the next one comes. */
  offered: [sdp: string];
}

export interface AudienceOptions {
  readonly session: Session;
  readonly room: Room;
  /** The PeerConnection that all streams are sent on. */
  readonly connection: string;
  readonly wants: (publisher: Publisher) => boolean;
  /** Ids of tracks that are not to be sent; what changes later is the caller's to say. */
  readonly withheld?: (publisher: Publisher) => readonly string[];
  readonly clock: Clock;
  readonly observer: Observer;
}

/** Subscriptions that are asked for at once: their relays open together. */
const CONCURRENCY = 8;
const RETRY_DELAY_MS = 1_000;

/**
 * Keeps a session subscribed to every stream of its room that is wanted, all on one PeerConnection,
 * for clients that know nothing of streams and take what they are offered.
 */
export class Audience extends Resource<AudienceEvents> {
  readonly #asked = new Set<string>();
  /** Streams that this client cannot receive, until they change. */
  readonly #impossible = new Set<string>();
  #retry: Timer | undefined;

  constructor(private readonly options: AudienceOptions) {
    super();
    const { session, room } = options;
    room.on('changed', this.#onChanged);
    session.on('offered', ({ subscription, sdp }) => {
      if (subscription.connection === options.connection) this.emit('offered', sdp);
    });
    session.on('connectionOffered', ({ connection, sdp }) => {
      if (connection === options.connection) this.emit('offered', sdp);
    });
    session.on('subscriptionEnded', () => this.#retryLater());
  }

  /** Compares what there is with what is wanted. Call it once, and when `wants` thinks anew. */
  review(): void {
    if (this.closed) return;
    const { session, room, wants } = this.options;
    const wanted = room.view.publishers.filter(wants);
    const keys = new Set(wanted.map(keyOf));
    for (const subscription of session.subscriptions) {
      const mine = subscription.connection === this.options.connection;
      if (mine && !keys.has(keyOf(subscription))) this.#leave(subscription);
    }
    for (const publisher of wanted) {
      if (this.#asked.size >= CONCURRENCY) return;
      const { participant, purpose } = publisher;
      const key = keyOf(publisher);
      const pending = this.#asked.has(key) || this.#impossible.has(key);
      if (!pending && !session.isSubscribed(participant, purpose)) void this.#ask(publisher);
    }
  }

  protected override release(): void {
    this.options.room.off('changed', this.#onChanged);
    this.#retry?.cancel();
  }

  readonly #onChanged = (change: { readonly kind: string; readonly publisher?: Publisher }) => {
    if (!change.publisher) return;
    this.#impossible.delete(keyOf(change.publisher));
    this.review();
  };

  async #ask(publisher: Publisher): Promise<void> {
    const { participant, purpose } = publisher;
    const { session, connection } = this.options;
    const key = keyOf({ participant, purpose });
    this.#asked.add(key);
    let again = true;
    try {
      const withheld = this.options.withheld?.(publisher) ?? [];
      const how = { overlap: false, withheld };
      const sdp = await session.subscribe({ participant, purpose, connection }, how);
      if (!this.closed && sdp !== '') this.emit('offered', sdp);
      if (!this.closed) this.emit('subscribed', publisher, withheld);
    } catch (error) {
      again = false;
      this.#handleFailure(key, error);
    }
    this.#asked.delete(key);
    if (again) this.review();
  }

  #handleFailure(key: string, error: unknown): void {
    if (this.closed || this.options.session.closed) return;
    if (hasCode(error, 'CANNOT_CONSUME', 'PERMISSION_DENIED', 'INVALID_ARGUMENT')) {
      this.#impossible.add(key);
      this.review();
      return;
    }
    // Facts and directory may know of a stream's end at different times.
    if (!hasCode(error, 'NOT_FOUND')) this.options.observer.trouble(error, 'subscribing a client');
    this.#retryLater();
  }

  #leave(subscription: Subscription): void {
    const { session, observer } = this.options;
    const { participant, purpose } = subscription;
    const key = keyOf(subscription);
    if (this.#asked.has(key)) return;
    this.#asked.add(key);
    session.unsubscribe(participant, purpose).then(
      () => {
        this.#asked.delete(key);
        // It may be wanted again by now.
        this.review();
      },
      (error: unknown) => {
        this.#asked.delete(key);
        // Its stream ended, and with it the subscription.
        if (!hasCode(error, 'NOT_FOUND')) observer.trouble(error, 'unsubscribing a client');
        this.#retryLater();
      },
    );
  }

  #retryLater(): void {
    if (this.closed || this.#retry) return;
    this.#retry = this.options.clock.after(RETRY_DELAY_MS, () => {
      this.#retry = undefined;
      this.review();
    });
  }
}

function keyOf({ participant, purpose }: Pick<Subscription, 'participant' | 'purpose'>): string {
  return `${participant}\n${purpose}`;
}
