import type { Consumer, PipeTransport, Producer } from 'mediasoup/types';
import { Resource, type Clock, type CloseReason, type Timer } from '@sluice/core';
import type { RouterRef } from '@sluice/proto-gen/common';
import type { HomeRouter } from '../routers/home-router.js';

export interface PipeOptions {
  readonly pipeId: string;
  readonly router: HomeRouter;
  /** The router at the other end. */
  readonly far: RouterRef;
  /** Connected; the pipe closes it. */
  readonly transport: PipeTransport;
  readonly clock: Clock;
  /** How long it stays open unused; undefined at the end that did not open it. */
  readonly lingerMs?: number | undefined;
}

/**
 * This node's end of a pipe between two routers, which carries relays both ways. It closes with its
 * router, with the call that opened it, and, where it was opened, after a linger without relays.
 */
export class Pipe extends Resource {
  readonly pipeId: string;
  readonly router: HomeRouter;
  readonly far: RouterRef;
  readonly transport: PipeTransport;
  /** What comes over it now, and what goes. */
  readonly producers = new Set<Producer>();
  readonly consumers = new Set<Consumer>();
  readonly #users = new Set<object>();
  readonly #options: PipeOptions;
  #linger: Timer | undefined;

  constructor(options: PipeOptions) {
    super();
    this.#options = options;
    this.pipeId = options.pipeId;
    this.router = options.router;
    this.far = options.far;
    this.transport = options.transport;
    this.transport.observer.once('close', () => this.close('transport closed'));
    this.transport.observer.on('newproducer', (producer) =>
      keepWhileOpen(this.producers, producer),
    );
    this.transport.observer.on('newconsumer', (consumer) =>
      keepWhileOpen(this.consumers, consumer),
    );
    if (this.transport.closed) this.close('transport closed');
    else this.#startLinger();
  }

  /** Relays that it carries, either way. */
  get users(): number {
    return this.#users.size;
  }

  /** Keeps it open for `user`, a relay or a feed, until `drop`. */
  use(user: object): void {
    this.#linger?.cancel();
    this.#users.add(user);
  }

  drop(user: object): void {
    if (this.#users.delete(user) && this.#users.size === 0) this.#startLinger();
  }

  protected override release(_reason: CloseReason): void {
    this.#linger?.cancel();
    this.transport.close();
  }

  #startLinger(): void {
    const { lingerMs, clock } = this.#options;
    if (lingerMs === undefined || this.closed) return;
    this.#linger?.cancel();
    this.#linger = clock.after(lingerMs, () => this.close('unused'));
  }
}

function keepWhileOpen<T extends Producer | Consumer>(all: Set<T>, one: T): void {
  all.add(one);
  const { observer }: { observer: { once(event: 'close', listener: () => void): unknown } } = one;
  observer.once('close', () => all.delete(one));
}
