import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { IceCandidate, IceParameters, WebRtcTransport } from 'mediasoup/types';
import { Resource, SluiceError } from '@sluice/core';
import type { RemoteIce } from '@sluice/sdp';
import type { UdpAddress } from '@sluice/stun';
import type { IceFront } from '../domain/sessions/ice-front.js';
import type { FromFronts, ToFronts } from './front-messages.js';
import type { IceCredentials, RemoteCandidate } from './ice-agent.js';

/** The built one, also where this file is run as it was written. */
const PROGRAM = fileURLToPath(new URL('../../dist/ice/front-process.js', import.meta.url));

/**
 * The ICE agents in front of transports that dial. They are in a child process, which is started when
 * it is first needed and again after it died.
 */
export class IceFronts extends Resource {
  readonly #fronts = new Map<number, OpenFront>();
  #child: ChildProcess | undefined;
  #nextId = 0;

  /** `listenIp` is where transports listen, as they are configured. */
  constructor(private readonly listenIp: string) {
    super();
  }

  /** @throws {SluiceError} UNAVAILABLE */
  async open(transport: WebRtcTransport): Promise<IceFront> {
    if (this.closed) throw stopping();
    const child = this.#ensureChild();
    const id = this.#nextId;
    this.#nextId += 1;
    const send = (message: ToFronts) => {
      if (child.connected) child.send(message, () => undefined);
    };
    const front: OpenFront = this.own(new OpenFront(id, send));
    this.#fronts.set(id, front);
    front.onClosed(() => this.#fronts.delete(id));
    const address = behind(transport.iceCandidates, this.listenIp);
    const { usernameFragment, password } = transport.iceParameters;
    await front.begin({ address, usernameFragment, password });
    return front;
  }

  protected override release(): void {
    this.#child?.disconnect();
    this.#child = undefined;
  }

  #ensureChild(): ChildProcess {
    const known = this.#child;
    if (known?.connected) return known;
    const child = fork(PROGRAM, [], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      execArgv: [],
    });
    this.#child = child;
    child.on('message', (message: FromFronts) => this.#fronts.get(message.front)?.hear(message));
    const first = this.#nextId;
    child.once('exit', () => {
      if (this.#child === child) this.#child = undefined;
      for (const front of [...this.#fronts.values()]) {
        if (front.id >= first) front.close('the ICE process died');
      }
    });
    child.on('error', () => child.kill());
    return child;
  }
}

/** One of them, as this process holds it. */
class OpenFront extends Resource implements IceFront {
  #credentials = newCredentials();
  #candidates: readonly IceCandidate[] = [];
  readonly #opened = Promise.withResolvers<undefined>();

  constructor(
    readonly id: number,
    private readonly send: (message: ToFronts) => void,
  ) {
    super();
    // Somebody may close it before anybody waits.
    this.#opened.promise.catch(() => undefined);
  }

  get iceParameters(): IceParameters {
    return { ...this.#credentials, iceLite: false };
  }

  get iceCandidates(): readonly IceCandidate[] {
    return this.#candidates;
  }

  async begin(behindIt: { readonly address: UdpAddress } & IceCredentials): Promise<void> {
    const credentials = this.#credentials;
    this.send({ type: 'open', front: this.id, credentials, behind: behindIt });
    await this.#opened.promise;
  }

  meet(remote: RemoteIce, offered: boolean): void {
    this.send({ type: 'meet', front: this.id, remote: { ...remote, offered } });
  }

  addCandidate(candidate: RemoteCandidate): void {
    this.send({ type: 'candidate', front: this.id, candidate });
  }

  restart(): IceParameters {
    this.#credentials = newCredentials();
    this.send({ type: 'restart', front: this.id, credentials: this.#credentials });
    return this.iceParameters;
  }

  hear(message: FromFronts): void {
    if (message.type === 'ended') {
      this.close(message.reason);
      return;
    }
    this.#candidates = message.addresses.map(candidateOf);
    this.#opened.resolve(undefined);
  }

  protected override release(): void {
    this.send({ type: 'close', front: this.id });
    this.#opened.reject(new SluiceError('UNAVAILABLE', 'the ICE agent has ended'));
  }
}

function newCredentials(): IceCredentials {
  return {
    usernameFragment: randomBytes(8).toString('hex'),
    password: randomBytes(16).toString('hex'),
  };
}

function candidateOf({ ip, port }: UdpAddress, index: number): IceCandidate {
  return {
    foundation: `dial${String(index)}`,
    priority: 0x7effff00 + (255 - index),
    ip,
    address: ip,
    protocol: 'udp',
    port,
    type: 'host',
  };
}

/** What is announced to others may not be what this host can reach. */
function behind(candidates: readonly IceCandidate[], listenIp: string): UdpAddress {
  const udp = candidates.find(({ protocol }) => protocol === 'udp');
  if (!udp) throw new SluiceError('INTERNAL', 'the transport has no UDP candidate');
  const loopbacks: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  return { ip: loopbacks[listenIp] ?? listenIp, port: udp.port };
}

function stopping(): SluiceError {
  return new SluiceError('UNAVAILABLE', 'the node is stopping');
}
