import { Resource, SluiceError, type Timer } from '@sluice/core';
import { connectionLost } from './connection.js';
import { DuplexConnection } from './duplex-connection.js';
import type { HomeRouter } from '../routers/home-router.js';
import type { PublishingSettings } from './incoming-stream.js';
import type { Answered } from './publication.js';
import type { Publications, StreamOf } from './publications.js';
import type { RetiredConnections } from './retired-connections.js';
import type { SubscribingSettings } from './subscribing-connection.js';
import type { SubscribeHow, Subscriptions } from './subscriptions.js';

export interface DuplexConnectionsContext {
  readonly home: HomeRouter;
  readonly publications: Publications;
  readonly subscriptions: Subscriptions;
  readonly retired: RetiredConnections;
  readonly settings: PublishingSettings & SubscribingSettings & { readonly switchOverMs: number };
  readonly connectionsMax: number;
}

/**
 * A session's PeerConnections that carry media both ways, by the client's key for each. Its methods
 * run in the session's turn.
 */
export class DuplexConnections extends Resource {
  readonly #byKey = new Map<string, DuplexConnection>();
  readonly #timers = new Set<Timer>();

  constructor(private readonly context: DuplexConnectionsContext) {
    super();
  }

  get list(): readonly DuplexConnection[] {
    return [...this.#byKey.values()];
  }

  /**
   * Answers an offer of the client: of the PeerConnection of that key, or of one that replaces it.
   *
   * @throws {SdpError} or {SluiceError}, and then all is as it was.
   */
  async negotiate(key: string, sdp: string, streamOf: StreamOf): Promise<Answered> {
    const { publications } = this.context;
    const known = this.#byKey.get(key);
    if (known?.continues(sdp)) return publications.publishOn(known, sdp, streamOf);
    const connection = await this.#open(key, known);
    try {
      const answered = await publications.publishOn(connection, sdp, streamOf);
      if (connection.closed) throw connectionLost();
      if (known) this.#replace(known);
      this.#add(connection);
      return answered;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Has one whose first offer is ours, if that is wanted. Idempotent. */
  async prepare(key: string, { bothWays = false }: Pick<SubscribeHow, 'bothWays'>): Promise<void> {
    if (!bothWays || key === '' || this.#byKey.has(key)) return;
    this.#add(await this.#open(key, undefined));
  }

  /**
   * Our offer on the one of that key, of data channels where it has nothing else to carry yet; empty
   * while an earlier one is unanswered.
   */
  async offer(key: string): Promise<string> {
    await this.prepare(key, { bothWays: true });
    const { sending } = this.#byKey.get(key) ?? {};
    if (!sending) throw connectionLost();
    sending.wantData();
    return sending.offer(undefined) ?? '';
  }

  /** What the client published goes on elsewhere; those who watch it here are fed a little longer. */
  handOver(): void {
    for (const connection of this.list) {
      if (!connection.receives) continue;
      this.#byKey.delete(connection.key);
      this.context.subscriptions.unshare(connection.sending, 'moved');
      this.context.retired.keep(connection);
    }
  }

  protected override release(): void {
    for (const timer of this.#timers) timer.cancel();
    for (const connection of this.list) connection.close('session closed');
  }

  async #open(key: string, known: DuplexConnection | undefined) {
    const { home, settings, connectionsMax, subscriptions } = this.context;
    if (!known && subscriptions.receivesOn(key)) {
      throw new SluiceError('INVALID_STATE', 'the connection is for receiving alone');
    }
    if (!known && this.#byKey.size >= connectionsMax) {
      throw new SluiceError('RATE_LIMITED', 'a session cannot hold more connections');
    }
    const connection = await DuplexConnection.open(key, home, settings);
    if (this.closed) connection.close();
    return connection;
  }

  #add(connection: DuplexConnection): void {
    const { key } = connection;
    this.context.subscriptions.share(connection.sending, { tells: true });
    this.#byKey.set(key, connection);
    connection.onClosed(() => {
      if (this.#byKey.get(key) === connection) this.#byKey.delete(key);
    });
  }

  /** What it receives flows on until the new one does; what is sent begins anew there. */
  #replace(old: DuplexConnection): void {
    this.context.subscriptions.unshare(old.sending, 'replaced');
    const timer = this.context.settings.clock.after(this.context.settings.switchOverMs, () => {
      this.#timers.delete(timer);
      old.close('replaced');
    });
    this.#timers.add(timer);
  }
}
