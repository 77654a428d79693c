import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Resource, SluiceError } from '@sluice/core';
import type { FromAgent, ToAgent, UdpAddress } from './agent-messages.js';
import { DialedPeer } from './dialed-peer.js';

/** The built one, also where this file is run as it was written. */
const AGENT = fileURLToPath(new URL('../../dist/dialing/agent.js', import.meta.url));

/**
 * Dials other servers. mediasoup answers connectivity checks and never sends any, so the ICE agents
 * are in a child process, which is started when it is first needed and again after it died.
 */
export class Dialer extends Resource {
  readonly #peers = new Map<number, DialedPeer>();
  #child: ChildProcess | undefined;
  #nextId = 0;

  /** A PeerConnection whose media comes to the UDP address `target`, on this host. */
  dial(target: UdpAddress): DialedPeer {
    if (this.closed) throw new SluiceError('UNAVAILABLE', 'the node is stopping');
    const child = this.#ensureChild();
    const id = this.#nextId;
    this.#nextId += 1;
    const peer: DialedPeer = this.own(
      new DialedPeer(
        id,
        (message) => {
          if (child.connected) child.send(message satisfies ToAgent, () => undefined);
        },
        () => void child.kill('SIGKILL'),
      ),
    );
    this.#peers.set(id, peer);
    peer.onClosed(() => this.#peers.delete(id));
    child.send({ type: 'open', peer: id, target } satisfies ToAgent, () => undefined);
    return peer;
  }

  protected override release(): void {
    this.#child?.disconnect();
    this.#child = undefined;
  }

  #ensureChild(): ChildProcess {
    const known = this.#child;
    if (known?.connected) return known;
    const child = fork(AGENT, [], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] });
    this.#child = child;
    child.on('message', (message: FromAgent) => this.#peers.get(message.peer)?.hear(message));
    const own = this.#nextId;
    child.once('exit', () => {
      if (this.#child === child) this.#child = undefined;
      for (const peer of [...this.#peers.values()]) {
        if (peer.id >= own) peer.close('the dialing process died');
      }
    });
    child.on('error', () => child.kill());
    return child;
  }
}
