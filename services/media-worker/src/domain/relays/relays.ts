import { SingleFlight, notFound, streamKey, type Clock, type StreamName } from '@sluice/core';
import type { RelayState, RouterRef } from '@sluice/proto-gen/common';
import type { HomeRouter, HomeRouters } from '../routers/home-router.js';
import { observed, type SetUpObserver } from '../observed.js';
import type { Pipe } from '../pipes/pipe.js';
import type { PipeListen } from '../pipes/pipe-transport.js';
import { PipeWatch } from '../pipes/pipe-watch.js';
import { Pipes } from '../pipes/pipes.js';
import type { Directory, FactPublisher, Log, NodeIdentity } from '../ports.js';
import { RelayFeeds } from './relay-feeds.js';
import { loopbackPeer } from './relay-loopback.js';
import type { RelayPeer, RelayService } from '../pipes/relay-peers.js';
import type { TicketReader } from '../pipes/relay-ticket.js';
import { RelayedStream } from './relayed-stream.js';
import type { StreamCopies, StreamSource } from '../streams/stream-copies.js';
import type { StreamCopy } from '../streams/stream-copy.js';

/** How patient relays are; all have defaults. */
export interface RelayTimes {
  /** For the other side's first word. */
  readonly answerDeadlineMs: number;
  /** How long an edge that nobody watches stays. */
  readonly lingerMs: number;
  /** How long a pipe without relays stays. */
  readonly pipeLingerMs: number;
  /** How long nobody must want packets before the parent is told. */
  readonly pauseDelayMs: number;
}

export const RELAY_TIMES: RelayTimes = {
  answerDeadlineMs: 3_000,
  lingerMs: 3_000,
  pipeLingerMs: 10_000,
  pauseDelayMs: 500,
};

export interface RelaysOptions {
  readonly identity: NodeIdentity;
  readonly routers: HomeRouters;
  readonly copies: StreamCopies;
  readonly directory: Directory;
  readonly facts: FactPublisher;
  /** Another node, by the address of its gRPC server. */
  readonly peerAt: (grpcAddress: string) => RelayPeer;
  readonly tickets: TicketReader;
  readonly listen: PipeListen;
  readonly clock: Clock;
  readonly log: Log;
  readonly times?: Partial<RelayTimes>;
  /** Routers that one of ours may feed with one stream, whatever the planner says. */
  readonly maxChildren?: number;
  /** Whether what is here may be another's by now: then nobody new is fed with it. */
  readonly doubtful?: () => boolean;
  /** Told when a node that was to send neither sends nor answers any more. */
  readonly onSilentNode?: () => void;
  /** Told how long a relay took from the wish for its stream to its first tracks, or to failure. */
  readonly onRelaySetUp?: SetUpObserver;
  /** The same of a pipe to another router that this node opened. */
  readonly onPipeSetUp?: SetUpObserver;
}

const MAX_CHILDREN = 128;

/** Brings streams to this node's routers, and feeds those of others. */
export class Relays implements StreamSource {
  readonly pipes: Pipes;
  readonly feeds: RelayFeeds;
  /** What other nodes call, and this one for relays between its cores. */
  readonly service: RelayService;
  readonly #streams = new SingleFlight<string, RelayedStream>();
  /** Also those that are being opened. */
  readonly #all = new Set<RelayedStream>();
  readonly #byCopy = new WeakMap<StreamCopy, RelayedStream>();
  readonly #peerOf: (router: RouterRef) => RelayPeer;
  readonly #times: RelayTimes;
  readonly #watch: PipeWatch;

  constructor(private readonly options: RelaysOptions) {
    this.#times = { ...RELAY_TIMES, ...options.times };
    const { answerDeadlineMs, pipeLingerMs } = this.#times;
    const here = loopbackPeer({
      openPipe: (...call) => this.pipes.serve(...call),
      openRelay: (...call) => this.feeds.serve(...call),
    });
    this.#peerOf = (router) =>
      router.nodeId === options.identity.nodeId && router.bootId === options.identity.bootId
        ? here
        : options.peerAt(router.grpcAddress);
    this.pipes = new Pipes({
      ...options,
      onSetUp: options.onPipeSetUp,
      answerDeadlineMs,
      lingerMs: pipeLingerMs,
      peerOf: this.#peerOf,
    });
    this.feeds = new RelayFeeds({
      ...options,
      answerDeadlineMs,
      maxChildren: options.maxChildren ?? MAX_CHILDREN,
      pipes: this.pipes,
      upstreams: { parentOf: (copy) => this.#parentOf(copy) },
    });
    this.service = { openPipe: this.pipes.serve, openRelay: this.feeds.serve };
    this.#watch = new PipeWatch({
      clock: options.clock,
      wanted: () => this.#wantedPipes(),
      receivedBytes: async ({ transport }) => (await transport.getStats())[0]?.bytesReceived ?? 0,
      ask: ({ far }, deadlineMs) => this.#peerOf(far).ask(deadlineMs),
      onSilent: ({ far }) => this.#onSilent(far),
    });
  }

  /** Relays by which this node's routers pull, as the directory should know them. */
  relays(): RelayState[] {
    return [...this.#all].flatMap((stream) => (stream.relay ? [stream.relay.state] : []));
  }

  async ensure(routerId: string, name: StreamName): Promise<StreamCopy> {
    const router = this.options.routers.find(routerId);
    if (!router) throw notFound('router', routerId);
    const here = this.#findHere(routerId, name);
    if (here) return here;
    try {
      const key = `${routerId}/${streamKey(name)}`;
      const stream = await this.#streams.ensure(key, () => this.#open(router, name));
      stream.touch();
      return await stream.ready;
    } catch (error) {
      // It was published here while we looked for it elsewhere.
      const published = this.#findHere(routerId, name);
      if (published) return published;
      throw error;
    }
  }

  /** That node is gone, by whoever's word: nothing more is expected from it. */
  nodeLost(nodeId: string, bootId: string): void {
    if (nodeId === this.options.identity.nodeId) return;
    this.pipes.lose(bootId, 'node lost');
    for (const stream of this.#all) stream.nodeLost(nodeId, bootId);
  }

  /** The directory knows, perhaps, a better parent for a relay that one of our routers pulls. */
  replan(relay: RelayState): void {
    const { stream: name, to } = relay;
    if (!name || to?.bootId !== this.options.identity.bootId) return;
    for (const stream of this.#all) {
      if (stream.router.routerId !== to.routerId) continue;
      if (streamKey(stream.name) === streamKey(name)) void stream.replan(relay);
    }
  }

  /** Ends all relays and pipes, both ways. */
  close(reason = 'stopping'): void {
    this.#watch.stop();
    for (const stream of this.#all) stream.close(reason);
    for (const pipe of this.pipes.list) pipe.close(reason);
  }

  #wantedPipes(): ReadonlySet<Pipe> {
    const pipes = new Set<Pipe>();
    for (const { relay, wanted } of this.#all) {
      const far = relay?.pipe.far;
      if (relay && wanted && far?.bootId !== this.options.identity.bootId) pipes.add(relay.pipe);
    }
    return pipes;
  }

  #onSilent({ nodeId, bootId }: RouterRef): void {
    this.options.log.warn({ farNodeId: nodeId }, 'a node fell silent');
    this.options.onSilentNode?.();
    this.pipes.lose(bootId, 'silent');
  }

  #findHere(routerId: string, name: StreamName): StreamCopy | undefined {
    const copy = this.options.copies.find(routerId, name);
    if (copy) this.#byCopy.get(copy)?.touch();
    return copy;
  }

  async #open(router: HomeRouter, name: StreamName): Promise<RelayedStream> {
    const { lingerMs, pauseDelayMs, answerDeadlineMs } = this.#times;
    const options = {
      ...this.options,
      pipes: this.pipes,
      peerOf: this.#peerOf,
      answerDeadlineMs,
      lingerMs,
      pauseDelayMs,
    };
    const stream: RelayedStream = new RelayedStream(router, name, options, (copy) => {
      this.#byCopy.set(copy, stream);
      this.options.copies.add(copy);
    });
    this.#all.add(stream);
    stream.onClosed(() => this.#all.delete(stream));
    await observed(this.options.clock, this.options.onRelaySetUp, () => stream.open());
    return stream;
  }

  #parentOf(copy: StreamCopy): RouterRef | 'lost' | undefined {
    const stream = this.#byCopy.get(copy);
    return stream ? (stream.relay?.state.from ?? 'lost') : undefined;
  }
}
