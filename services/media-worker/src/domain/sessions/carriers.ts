import { Resource, SluiceError, notFound, type StreamKey } from '@sluice/core';
import type { HomeRouter } from '../routers/home-router.js';
import type { Carrier } from './carrier.js';
import type { SubscriptionRef } from './session-events.js';
import { SubscribingConnection, type SubscribingSettings } from './subscribing-connection.js';

export interface CarriersContext {
  readonly home: HomeRouter;
  readonly settings: SubscribingSettings;
  readonly connectionsMax: number;
  /** An offer of ours that the client did not ask for. */
  readonly onOffered: (
    subscription: Partial<SubscriptionRef> & Pick<SubscriptionRef, 'connection'>,
    sdp: string,
  ) => void;
  readonly onClosed: () => void;
}

/** The PeerConnections on which one session receives: its own, and those that another owns. */
export class Carriers extends Resource {
  readonly #all = new Set<Carrier>();
  /** Those that the client named, for several subscriptions. */
  readonly #shared = new Map<string, SubscribingConnection>();

  constructor(private readonly context: CarriersContext) {
    super();
  }

  get list(): readonly Carrier[] {
    return [...this.#all];
  }

  has(carrier: Carrier): boolean {
    return this.#all.has(carrier);
  }

  /** Whether there is one of that key. */
  hasKey(key: string): boolean {
    return this.#shared.has(key);
  }

  /** @throws {SluiceError} NOT_FOUND. */
  get(key: string): SubscribingConnection {
    const connection = this.#shared.get(key);
    if (!connection) throw notFound('connection', key);
    return connection;
  }

  /** With an unanswered offer that a subscription caused, which may have ended since. */
  waitingFor(cause: StreamKey): Carrier | undefined {
    return this.list.find(({ pending }) => pending?.cause?.key === cause);
  }

  /** @throws {SluiceError} RATE_LIMITED when there are as many as may be. */
  admit(): void {
    if (this.#all.size < this.context.connectionsMax) return;
    const noun = 'connections';
    throw new SluiceError('RATE_LIMITED', `a session cannot hold more ${noun}`, { noun });
  }

  /** The one of that key, or a new one; empty for one of its own. */
  async open(key: string): Promise<SubscribingConnection> {
    const shared = this.#shared.get(key);
    if (shared) return shared;
    this.admit();
    const { home, settings } = this.context;
    const connection = await SubscribingConnection.open(home, key, settings);
    this.#keep(connection);
    this.share(connection, { tells: true });
    return connection;
  }

  /** Takes one that was made for a client's offer. */
  add<T extends Carrier>(carrier: T): T {
    this.#keep(carrier);
    this.#list(carrier);
    return carrier;
  }

  /**
   * What is subscribed to with its key is sent there. Another may own it, who may pass its offers on
   * by himself.
   */
  share(connection: SubscribingConnection, { tells }: { readonly tells: boolean }): void {
    const { key } = connection;
    if (key !== '') this.#shared.set(key, connection);
    if (tells) {
      connection.on('offered', (cause, sdp) => {
        this.context.onOffered(cause?.ref ?? { connection: key }, sdp);
      });
    }
    this.#list(connection);
  }

  forget(carrier: Carrier): void {
    this.#all.delete(carrier);
    if (this.#shared.get(carrier.key) === carrier) this.#shared.delete(carrier.key);
    this.context.onClosed();
  }

  #list(carrier: Carrier): void {
    this.#all.add(carrier);
    carrier.onClosed(() => this.forget(carrier));
  }

  #keep(carrier: Carrier): void {
    this.own(carrier);
    if (carrier.closed) throw new SluiceError('UNAVAILABLE', 'the session has ended');
  }
}
