import type { PipeTransport } from 'mediasoup/types';
import { Resource, type CloseReason } from '@sluice/core';
import type { HomeRouter } from '../routers/home-router.js';
import { connectTo, createPipeTransport, endOf, type PipeListen } from './pipe-transport.js';

/**
 * A pipe from a router to itself, by which a producer becomes another one there. It never leaves the
 * process of the router's worker but for the loopback interface.
 */
export class RouterLoop extends Resource {
  readonly #users = new Set<object>();

  private constructor(
    readonly router: HomeRouter,
    /** Consumes what is to be produced again. */
    readonly outbound: PipeTransport,
    /** Produces it. */
    readonly inbound: PipeTransport,
  ) {
    super();
    for (const end of [outbound, inbound]) {
      end.observer.once('close', () => this.close('transport closed'));
      if (end.closed) this.close('transport closed');
    }
  }

  /** @throws {SluiceError} CAPACITY_EXHAUSTED when no port of the range is free. */
  static async open(router: HomeRouter, listen: PipeListen): Promise<RouterLoop> {
    const outbound = await createPipeTransport(router.router, listen, 'between cores');
    try {
      const inbound = await createPipeTransport(router.router, listen, 'between cores');
      await connectTo(outbound, endOf(inbound));
      await connectTo(inbound, endOf(outbound));
      return new RouterLoop(router, outbound, inbound);
    } catch (error) {
      outbound.close();
      throw error;
    }
  }

  /** Keeps it open for `user` until `drop`; without users it closes. */
  use(user: object): void {
    this.#users.add(user);
  }

  drop(user: object): void {
    if (this.#users.delete(user) && this.#users.size === 0) this.close('unused');
  }

  protected override release(_reason: CloseReason): void {
    this.outbound.close();
    this.inbound.close();
  }
}
