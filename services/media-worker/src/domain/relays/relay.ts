import { Resource, SluiceError, type CloseReason } from '@sluice/core';
import type { RelayState } from '@sluice/proto-gen/common';
import type {
  OpenRelayRequest,
  OpenRelayResponse,
  RelayTracks,
} from '@sluice/proto-gen/media_node';
import type { Pipe } from '../pipes/pipe.js';
import type { PeerCall } from '../pipes/relay-peers.js';

export interface RelayOptions {
  readonly pipe: Pipe;
  readonly state: Required<RelayState>;
  readonly call: PeerCall<OpenRelayRequest, OpenRelayResponse>;
}

/** The puller's half of a relay: the call by which the parent says what flows. */
export class Relay extends Resource {
  readonly pipe: Pipe;
  readonly state: RelayState;
  readonly #call: PeerCall<OpenRelayRequest, OpenRelayResponse>;
  readonly #onPipeClosed = () => this.close('pipe closed');
  readonly #left = Promise.withResolvers<undefined>();
  #ended: string | undefined;

  constructor({ pipe, state, call }: RelayOptions) {
    super();
    this.pipe = pipe;
    this.state = state;
    this.#call = call;
    pipe.use(this);
    pipe.on('closed', this.#onPipeClosed);
    if (pipe.closed) this.close('pipe closed');
  }

  /** What the parent said when it ended the relay, or why we did; undefined while it goes on. */
  get ended(): string | undefined {
    return this.#ended;
  }

  request(ticket: string): void {
    const { stream, epoch, from, to } = this.state;
    const value = { stream, epoch, from, to, pipeId: this.pipe.pipeId, ticket };
    this.#call.send({ message: { $case: 'request', value } });
  }

  /** Nobody here wants packets just now, or somebody does again. */
  setPaused(paused: boolean): void {
    if (!this.closed) this.#call.send({ message: { $case: 'paused', value: paused } });
  }

  /** What it feeds is to come from elsewhere; it feeds on until it is closed. */
  leave(reason: string): void {
    if (this.closed || this.#ended !== undefined) return;
    this.#ended = reason;
    this.#left.resolve(undefined);
  }

  /**
   * The next list of tracks; undefined when the parent ended the relay, or we left it.
   *
   * @throws {SluiceError} UNAVAILABLE when the call or the pipe broke, or the parent's refusal.
   */
  async nextTracks(): Promise<RelayTracks | undefined> {
    const next = await Promise.race([this.#left.promise, this.#call.responses.next()]);
    if (!next) return undefined;
    if (this.closed || next.done) throw new SluiceError('UNAVAILABLE', 'the relay broke');
    const { message } = next.value;
    if (message?.$case === 'tracks') return message.value;
    if (message?.$case !== 'ended') throw new SluiceError('INVALID_ARGUMENT', 'no known message');
    this.#ended = message.value.reason;
    return undefined;
  }

  protected override release(_reason: CloseReason): void {
    this.pipe.off('closed', this.#onPipeClosed);
    this.#call.end();
    this.pipe.drop(this);
  }
}
