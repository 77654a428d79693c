import { SluiceError, notFound, type Clock } from '@sluice/core';
import { serialOf } from '@sluice/tokens';
import type { RouterRef } from '@sluice/proto-gen/common';
import type {
  OpenRelayRequest,
  OpenRelayResponse,
  RelayRequest,
} from '@sluice/proto-gen/media_node';
import type { HomeRouters } from '../routers/home-router.js';
import { requireField, requireHere, type Pipes } from '../pipes/pipes.js';
import type { NodeIdentity } from '../ports.js';
import { nextMessage } from '../pipes/relay-deadline.js';
import { RelayFeed } from './relay-feed.js';
import { readTicket, requireStream, type TicketReader } from '../pipes/relay-ticket.js';
import type { StreamCopies } from '../streams/stream-copies.js';
import type { StreamCopy } from '../streams/stream-copy.js';

/** Where the copies of this node get their packets from. */
export interface Upstreams {
  /** The parent that feeds an edge now; `lost` while it looks for one; undefined for an origin. */
  parentOf(copy: StreamCopy): RouterRef | 'lost' | undefined;
}

export interface RelayFeedsOptions {
  readonly identity: NodeIdentity;
  readonly routers: HomeRouters;
  readonly copies: StreamCopies;
  readonly pipes: Pipes;
  readonly upstreams: Upstreams;
  readonly tickets: TicketReader;
  readonly clock: Clock;
  readonly answerDeadlineMs: number;
  /** Routers that one copy may feed, whatever the planner says. */
  readonly maxChildren: number;
  /** Whether what is here may be another's by now. */
  readonly doubtful?: (() => boolean) | undefined;
}

/** All that this node feeds to other routers, and the door at which they ask for it. */
export class RelayFeeds {
  readonly #feeds = new Map<StreamCopy, Set<RelayFeed>>();
  /** Serials of the tickets that were taken, for as long as the copy is here: each serves once. */
  readonly #taken = new WeakMap<StreamCopy, Set<string>>();

  constructor(private readonly options: RelayFeedsOptions) {}

  /** Relays that leave this node's routers. */
  get size(): number {
    return [...this.#feeds.values()].reduce((sum, feeds) => sum + feeds.size, 0);
  }

  /** Answers a router that pulls a stream from one of ours. */
  readonly serve = async (
    requests: AsyncIterable<OpenRelayRequest>,
    write: (response: OpenRelayResponse) => void,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<void> => {
    const { clock, answerDeadlineMs } = this.options;
    const messages = requests[Symbol.asyncIterator]();
    const first = await nextMessage(clock, answerDeadlineMs, 'the relay request', messages);
    if (first.message?.$case !== 'request') {
      throw new SluiceError('INVALID_ARGUMENT', 'a relay begins with its request');
    }
    if (signal.aborted) return;
    const feed = this.#accept(first.message.value, write);
    signal.addEventListener('abort', () => feed.close('puller gone'), { once: true });
    void followDemand(messages, feed);
    await new Promise<void>((resolve) => {
      feed.onClosed(() => resolve());
    });
    if (feed.failure) throw feed.failure;
  };

  #accept(request: RelayRequest, write: (response: OpenRelayResponse) => void): RelayFeed {
    const { identity, pipes, copies, upstreams } = this.options;
    const name = requireField(request.stream, 'stream');
    const from = requireField(request.from, 'from');
    const to = requireField(request.to, 'to');
    requireHere(this.options, from);
    const ticket = readTicket(this.options.tickets, request.ticket, from, to);
    requireStream(ticket, name, request.epoch);
    const pipe = pipes.find(from.routerId, request.pipeId);
    if (!pipe || pipe.far.routerId !== to.routerId) throw notFound('pipe', request.pipeId);
    const copy = copies.find(from.routerId, name);
    if (!copy) throw new SluiceError('NOT_FOUND', 'no such stream here', { noun: 'stream' });
    if (copy.epoch !== request.epoch) {
      throw new SluiceError('STALE_EPOCH', 'another epoch is here', { epoch: copy.epoch });
    }
    if (this.options.doubtful?.()) {
      throw new SluiceError('UNAVAILABLE', 'this node stood still and may hold an old epoch');
    }
    refuseLoop(copy, to, identity, copies, upstreams);
    this.#refuseExcess(copy);
    this.#takeTicket(copy, serialOf(request.ticket));
    const origin = upstreams.parentOf(copy) === undefined;
    return this.#keep(
      copy,
      new RelayFeed({ copy, pipe, write, origin, clock: this.options.clock }),
    );
  }

  #takeTicket(copy: StreamCopy, serial: string): void {
    const taken = this.#taken.get(copy) ?? new Set();
    this.#taken.set(copy, taken);
    if (taken.has(serial)) throw new SluiceError('PERMISSION_DENIED', 'the ticket was used before');
    taken.add(serial);
  }

  #refuseExcess(copy: StreamCopy): void {
    const feeds = [...(this.#feeds.get(copy) ?? [])].filter(({ ending }) => !ending);
    if (feeds.length < this.options.maxChildren) return;
    throw new SluiceError('CAPACITY_EXHAUSTED', 'this router feeds as many as it may');
  }

  #keep(copy: StreamCopy, feed: RelayFeed): RelayFeed {
    const feeds = this.#feeds.get(copy) ?? new Set();
    this.#feeds.set(copy, feeds);
    feeds.add(feed);
    feed.onClosed(() => {
      feeds.delete(feed);
      if (feeds.size === 0) this.#feeds.delete(copy);
    });
    return feed;
  }
}

/**
 * A router must not feed one from which its own packets come: such a ring would live on after its
 * source. Nor does it feed anybody while it looks for a parent, or two could find each other.
 */
function refuseLoop(
  copy: StreamCopy,
  to: RouterRef,
  here: NodeIdentity,
  copies: StreamCopies,
  upstreams: Upstreams,
): void {
  if (to.nodeId !== here.nodeId && copy.path.includes(to.nodeId)) throw loop();
  let upstream: StreamCopy | undefined = copy;
  while (upstream) {
    if (upstream.router.routerId === to.routerId) throw loop();
    const parent = upstreams.parentOf(upstream);
    if (parent === 'lost') throw new SluiceError('UNAVAILABLE', 'the stream is not fed here now');
    if (parent?.nodeId !== here.nodeId) return;
    upstream = copies.find(parent.routerId, copy.name);
  }
}

function loop(): SluiceError {
  return new SluiceError('INVALID_STATE', 'the puller is on the way of the stream already');
}

async function followDemand(
  messages: AsyncIterator<OpenRelayRequest>,
  feed: RelayFeed,
): Promise<void> {
  try {
    for (let next = await messages.next(); !next.done; next = await messages.next()) {
      if (next.value.message?.$case === 'paused') feed.setPaused(next.value.message.value);
    }
    feed.close('puller closed');
  } catch {
    // However the call broke, nobody listens any more.
    feed.close('puller gone');
  }
}
