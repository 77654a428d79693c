import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Resource, systemClock, type Timer } from '@sluice/core';
import type { FromAgent, ToAgent, UdpAddress } from './agent-messages.js';
import { DialedPeer } from './dialed-peer.js';

/** The built one, also where this file is run as it was written. */
const AGENT = fileURLToPath(new URL('../../dist/dialing/agent.js', import.meta.url));
/** What it holds is bounded; that is for what nobody has thought of. */
const FLAGS = ['--max-old-space-size=128'];
/** Without a connection; the next one may come soon. */
const IDLE_MS = 30_000;
/** For it to say goodbye to the other server and go by itself. */
const LEAVING_MS = 2_000;

/** A process with the ICE agents of all connections to one other server. It ends when it is idle. */
export class DialingProcess extends Resource {
  readonly #child: ChildProcess;
  readonly #peers = new Map<number, DialedPeer>();
  #nextId = 0;
  #idle: Timer | undefined;

  constructor() {
    super();
    const child = fork(AGENT, [], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      execArgv: FLAGS,
    });
    this.#child = child;
    child.on('message', (message: FromAgent) => this.#peers.get(message.peer)?.hear(message));
    for (const event of ['exit', 'disconnect'] as const) {
      child.once(event, () => this.close('the dialing process died'));
    }
    child.on('error', () => {
      child.kill('SIGKILL');
      this.close('the dialing process failed');
    });
  }

  /** @param mediaLimitBps bits per second that it may bring */
  dial(target: UdpAddress, mediaLimitBps: number): DialedPeer {
    this.#idle?.cancel();
    const id = this.#nextId;
    this.#nextId += 1;
    const onStuck = () => void this.#child.kill('SIGKILL');
    const peer: DialedPeer = this.own(
      new DialedPeer(id, (message) => this.#send(message), onStuck),
    );
    this.#peers.set(id, peer);
    peer.onClosed(() => this.#forget(id));
    this.#send({ type: 'open', peer: id, target, mediaLimitBps });
    return peer;
  }

  protected override release(): void {
    this.#idle?.cancel();
    const child = this.#child;
    if (child.connected) child.disconnect();
    if (child.exitCode !== null || child.signalCode !== null) return;
    const overdue = systemClock.after(LEAVING_MS, () => void child.kill('SIGKILL'));
    child.once('exit', () => overdue.cancel());
  }

  #send(message: ToAgent): void {
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  #forget(id: number): void {
    this.#peers.delete(id);
    if (this.closed || this.#peers.size > 0) return;
    this.#idle?.cancel();
    this.#idle = systemClock.after(IDLE_MS, () => this.close('idle'));
  }
}
