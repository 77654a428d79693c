import { Resource, SluiceError } from '@sluice/core';
import type { UdpAddress } from './agent-messages.js';
import type { DialedPeer } from './dialed-peer.js';
import { DialingProcess } from './dialing-process.js';

export interface DialerOptions {
  /** Bits per second that one connection may bring; what is beyond is dropped. */
  readonly mediaLimitBps: number;
}

/**
 * Dials other servers. mediasoup answers connectivity checks and never sends any, so the ICE agents
 * are in child processes: one for each server, so that none of them can do anything to what comes
 * from another.
 */
export class Dialer extends Resource {
  readonly #processes = new Map<string, DialingProcess>();

  constructor(private readonly options: DialerOptions) {
    super();
  }

  /** A PeerConnection to `server` whose media comes to the UDP address `target`, on this host. */
  dial(server: string, target: UdpAddress): DialedPeer {
    if (this.closed) throw new SluiceError('UNAVAILABLE', 'the node is stopping');
    return this.#processFor(server).dial(target, this.options.mediaLimitBps);
  }

  #processFor(server: string): DialingProcess {
    const known = this.#processes.get(server);
    if (known) return known;
    const started = this.own(new DialingProcess());
    this.#processes.set(server, started);
    started.onClosed(() => {
      if (this.#processes.get(server) === started) this.#processes.delete(server);
    });
    return started;
  }
}
