import { Resource, type Closable, type Clock, type Timer } from '@sluice/core';

/**
 * PeerConnections of streams that have another origin by now. Whoever watched them here takes a
 * moment to follow, and gets the old packets until then. They outlive their sessions.
 */
export class RetiredConnections extends Resource {
  readonly #connections = new Map<Closable, Timer>();
  #onEmpty: () => void = () => undefined;

  constructor(
    private readonly clock: Clock,
    private readonly keepMs: number,
  ) {
    super();
  }

  get size(): number {
    return this.#connections.size;
  }

  onEmpty(listener: () => void): void {
    this.#onEmpty = listener;
  }

  keep(connection: Closable): void {
    if (connection.closed || this.closed) {
      connection.close('moved');
      return;
    }
    const timer = this.clock.after(this.keepMs, () => connection.close('moved'));
    this.#connections.set(this.own(connection), timer);
    connection.onClosed(() => {
      timer.cancel();
      this.#connections.delete(connection);
      if (this.#connections.size === 0) this.#onEmpty();
    });
  }
}
