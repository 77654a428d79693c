import { Resource, SluiceError, systemClock, type ResourceEvents, type Timer } from '@sluice/core';
import type { FromAgent, MediaLine, ToAgent } from './agent-messages.js';
import { foreignAnswer, unusable } from './foreign-answer.js';

export interface DialedPeerEvents extends ResourceEvents {
  /** Media comes from this UDP port of the loopback, and RTCP may be sent to it. */
  bridged: [port: number];
  channelOpened: [label: string, by: 'us' | 'them'];
  heard: [label: string, text: string];
}

/** It gathers candidates for three seconds at most, and does nothing else that takes long. */
const STUCK_MS = 6_000;

interface Waiting {
  readonly timer: Timer;
  readonly resolve: (sdp: string) => void;
  readonly reject: (error: unknown) => void;
}

/** A PeerConnection to another server, as this process holds it. Closes when it is lost. */
export class DialedPeer extends Resource<DialedPeerEvents> {
  readonly #waiting = new Map<number, Waiting>();
  #nextRequest = 0;
  #mLines = 0;

  constructor(
    readonly id: number,
    private readonly send: (message: ToAgent) => void,
    /** Told when the process that holds the agents does not answer, for whatever peer. */
    private readonly onStuck: () => void,
  ) {
    super();
  }

  openChannel(label: string): void {
    this.send({ type: 'openChannel', peer: this.id, label });
  }

  say(label: string, text: string): void {
    this.send({ type: 'say', peer: this.id, label, text });
  }

  /** Our next offer, with all candidates and m-lines more on which we receive. */
  async createOffer(receive: readonly MediaLine[] = []): Promise<string> {
    const offer = await this.#ask((request) => {
      return { type: 'offer', peer: this.id, request, receive };
    });
    this.#mLines = offer.match(/^m=/gm)?.length ?? 0;
    return offer;
  }

  /** @throws {SluiceError} UNAVAILABLE for one that is not of that offer, or makes no sense. */
  async acceptAnswer(answer: string): Promise<void> {
    const sdp = foreignAnswer(answer, this.#mLines);
    await this.#ask((request) => ({ type: 'accept', peer: this.id, request, sdp }));
  }

  hear(message: FromAgent): void {
    switch (message.type) {
      case 'bridged':
        this.emit('bridged', message.port);
        break;
      case 'channelOpened':
        this.emit('channelOpened', message.label, message.by);
        break;
      case 'heard':
        this.emit('heard', message.label, message.text);
        break;
      case 'done':
        this.#take(message.request)?.resolve(message.sdp);
        break;
      case 'failed':
        this.#take(message.request)?.reject(unusable(new Error(message.why)));
        break;
      case 'ended':
        this.close(message.reason);
        break;
    }
  }

  protected override release(): void {
    this.send({ type: 'close', peer: this.id });
    for (const { reject, timer } of this.#waiting.values()) {
      timer.cancel();
      reject(lost());
    }
    this.#waiting.clear();
  }

  #take(request: number): Waiting | undefined {
    const waiting = this.#waiting.get(request);
    waiting?.timer.cancel();
    this.#waiting.delete(request);
    return waiting;
  }

  #ask(messageOf: (request: number) => ToAgent): Promise<string> {
    if (this.closed) return Promise.reject(lost());
    const request = this.#nextRequest;
    this.#nextRequest += 1;
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const timer = systemClock.after(STUCK_MS, () => this.onStuck());
    this.#waiting.set(request, { resolve, reject, timer });
    this.send(messageOf(request));
    return promise;
  }
}

function lost(): SluiceError {
  return new SluiceError('UNAVAILABLE', 'the connection to the other server was lost');
}
