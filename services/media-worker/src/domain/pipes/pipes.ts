import { Rollback, SingleFlight, SluiceError, notFound, type Clock } from '@sluice/core';
import type { RouterRef } from '@sluice/proto-gen/common';
import type { OpenPipeRequest, OpenPipeResponse } from '@sluice/proto-gen/media_node';
import type { HomeRouter, HomeRouters } from '../routers/home-router.js';
import { observed, type SetUpObserver } from '../observed.js';
import { Pipe } from './pipe.js';
import {
  connectTo,
  createPipeTransport,
  endOf,
  type PipeListen,
  type PipeReach,
} from './pipe-transport.js';
import type { Log, NodeIdentity } from '../ports.js';
import { nextMessage } from './relay-deadline.js';
import type { RelayPeer } from './relay-peers.js';
import { readTicket, type TicketReader } from './relay-ticket.js';

export interface PipesOptions {
  readonly identity: NodeIdentity;
  readonly routers: HomeRouters;
  readonly tickets: TicketReader;
  readonly peerOf: (router: RouterRef) => RelayPeer;
  readonly listen: PipeListen;
  readonly clock: Clock;
  readonly log: Log;
  /** How long the other side may take to answer. */
  readonly answerDeadlineMs: number;
  /** How long an unused pipe stays open. */
  readonly lingerMs: number;
  readonly onSetUp?: SetUpObserver | undefined;
}

/** How long a node that fell silent is not asked for a pipe: that would only take its time. */
const AVOID_MS = 2_000;
const AVOIDED_MAX = 1_000;
/** Pipes that one router may have opened to one of ours: one, or two that crossed, and a spare. */
const OPENED_BY_ONE_PEER = 4;

/**
 * This node's ends of all its pipes. Two routers share one pipe, whichever opened it; when both open
 * one in the same moment there are two, and the one that falls out of use closes.
 *
 * A pipe lives as long as the call that opened it, so that each side notices when the other is gone.
 */
export class Pipes {
  readonly #open = new Set<Pipe>();
  readonly #opening = new SingleFlight<string, Pipe>();
  readonly #avoidUntilMs = new Map<string, number>();

  constructor(private readonly options: PipesOptions) {}

  get list(): ReadonlySet<Pipe> {
    return this.#open;
  }

  /** This router's end of the pipe of that id. */
  find(routerId: string, pipeId: string): Pipe | undefined {
    return [...this.#open].find(
      (pipe) => pipe.pipeId === pipeId && pipe.router.routerId === routerId,
    );
  }

  /**
   * A pipe between `router` and `far`: one that is open, or a new one.
   *
   * @throws {SluiceError} what the other side says, or UNAVAILABLE when it cannot be reached.
   */
  async ensure(router: HomeRouter, far: RouterRef, ticket: string): Promise<Pipe> {
    const [known] = this.#between(router.routerId, far.routerId);
    if (known) return known;
    if (this.options.clock.nowMs() < (this.#avoidUntilMs.get(far.bootId) ?? 0)) {
      throw new SluiceError('UNAVAILABLE', 'the other node does not answer');
    }
    return this.#opening.ensure(`${router.routerId}/${far.routerId}`, () =>
      observed(this.options.clock, this.options.onSetUp, () => this.#openTo(router, far, ticket)),
    );
  }

  /** Ends all pipes to one boot of a node, and opens none to it for a moment. */
  lose(bootId: string, reason: string): void {
    this.#avoidUntilMs.delete(bootId);
    this.#avoidUntilMs.set(bootId, this.options.clock.nowMs() + AVOID_MS);
    const [oldest] = this.#avoidUntilMs.keys();
    if (this.#avoidUntilMs.size > AVOIDED_MAX && oldest) this.#avoidUntilMs.delete(oldest);
    for (const pipe of [...this.#open]) if (pipe.far.bootId === bootId) pipe.close(reason);
  }

  /** Answers another router that opens a pipe to one of ours. */
  readonly serve = async (
    requests: AsyncIterable<OpenPipeRequest>,
    write: (response: OpenPipeResponse) => void,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<void> => {
    const { clock, answerDeadlineMs } = this.options;
    const messages = requests[Symbol.asyncIterator]();
    const request = await nextMessage(clock, answerDeadlineMs, 'the pipe request', messages);
    const pipe = await this.#accept(request);
    signal.addEventListener('abort', () => pipe.close('peer gone'), { once: true });
    if (signal.aborted) pipe.close('peer gone');
    else write({ end: endOf(pipe.transport) });
    void closeAfter(messages, pipe);
    await closeOf(pipe);
  };

  #between(routerId: string, farRouterId: string): Pipe[] {
    return [...this.#open].filter(
      (pipe) => pipe.router.routerId === routerId && pipe.far.routerId === farRouterId,
    );
  }

  async #openTo(router: HomeRouter, far: RouterRef, ticket: string): Promise<Pipe> {
    const { clock, answerDeadlineMs, lingerMs } = this.options;
    await using rollback = this.#rollback();
    const reach = this.#reachOf(far);
    const transport = await createPipeTransport(router.router, this.options.listen, reach);
    rollback.add(() => transport.close());
    const pipeId = crypto.randomUUID();
    const call = this.options.peerOf(far).openPipe();
    rollback.add(() => call.end());
    call.send({ pipeId, from: far, to: this.#refOf(router), end: endOf(transport), ticket });
    const answer = await nextMessage(clock, answerDeadlineMs, 'the pipe', call.responses);
    await connectTo(transport, requireField(answer.end, 'end'));
    rollback.commit();

    const pipe = new Pipe({ pipeId, router, far, transport, clock, lingerMs });
    pipe.onClosed(() => call.end());
    void closeAfter(call.responses, pipe);
    return this.#keep(pipe);
  }

  async #accept(request: OpenPipeRequest): Promise<Pipe> {
    const from = requireField(request.from, 'from');
    const to = requireField(request.to, 'to');
    const end = requireField(request.end, 'end');
    const router = requireHere(this.options, from);
    readTicket(this.options.tickets, request.ticket, from, to);
    this.#refuseExcess(request.pipeId, router, to);

    await using rollback = this.#rollback();
    const reach = this.#reachOf(to);
    const transport = await createPipeTransport(router.router, this.options.listen, reach);
    rollback.add(() => transport.close());
    await connectTo(transport, end);
    // Again: another request may have come in the meantime.
    this.#refuseExcess(request.pipeId, router, to);
    rollback.commit();
    const { pipeId } = request;
    return this.#keep(new Pipe({ pipeId, router, far: to, transport, clock: this.options.clock }));
  }

  #refuseExcess(pipeId: string, router: HomeRouter, far: RouterRef): void {
    if (this.find(router.routerId, pipeId)) {
      throw new SluiceError('ALREADY_EXISTS', 'a pipe of this id is open');
    }
    if (this.#between(router.routerId, far.routerId).length >= OPENED_BY_ONE_PEER) {
      throw new SluiceError('CAPACITY_EXHAUSTED', 'too many pipes between these routers');
    }
  }

  #keep(pipe: Pipe): Pipe {
    const { log } = this.options;
    const { pipeId } = pipe;
    const fields = { pipeId, routerId: pipe.router.routerId, farNodeId: pipe.far.nodeId };
    log.debug(fields, 'pipe opened');
    this.#open.add(pipe);
    pipe.onClosed((reason) => {
      this.#open.delete(pipe);
      log.debug({ ...fields, reason }, 'pipe closed');
    });
    return pipe;
  }

  #reachOf(far: RouterRef): PipeReach {
    const sameNode =
      far.nodeId === this.options.identity.nodeId && far.bootId === this.options.identity.bootId;
    return sameNode ? 'between cores' : 'between nodes';
  }

  #refOf(router: HomeRouter): RouterRef {
    return { ...this.options.identity, routerId: router.routerId };
  }

  #rollback(): Rollback {
    return new Rollback((error) => this.options.log.error({ err: error }, 'cannot undo a pipe'));
  }
}

/** Ends `pipe` when the call that it lives by ends or breaks; later messages mean nothing. */
async function closeAfter(messages: AsyncIterator<unknown>, pipe: Pipe): Promise<void> {
  try {
    while (!(await messages.next()).done);
    pipe.close('peer closed');
  } catch {
    // However the call broke, the other end is gone.
    pipe.close('peer gone');
  }
}

function closeOf(pipe: Pipe): Promise<void> {
  return new Promise((resolve) => {
    pipe.onClosed(() => resolve());
  });
}

/** @throws {SluiceError} INVALID_ARGUMENT when a peer left out what its message must have. */
export function requireField<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw new SluiceError('INVALID_ARGUMENT', `${field} is missing`);
  return value;
}

/**
 * The router of ours that a peer means.
 *
 * @throws {SluiceError} NOT_FOUND when it is another boot's, or died.
 */
export function requireHere(
  here: { readonly identity: NodeIdentity; readonly routers: HomeRouters },
  ref: RouterRef,
): HomeRouter {
  const sameBoot = ref.nodeId === here.identity.nodeId && ref.bootId === here.identity.bootId;
  const router = sameBoot ? here.routers.find(ref.routerId) : undefined;
  if (!router) throw notFound('router', ref.routerId);
  return router;
}
