import {
  Resource,
  SluiceError,
  type Clock,
  type CloseReason,
  type StreamName,
  type Timer,
} from '@sluice/core';
import type { RelayState, RouterRef } from '@sluice/proto-gen/common';
import type { HomeRouter } from '../routers/home-router.js';
import type { Pipes } from '../pipes/pipes.js';
import type { Directory, FactPublisher, Log, NodeIdentity } from '../ports.js';
import { steadyFlow } from '../streams/first-packets.js';
import { withDeadline } from '../pipes/relay-deadline.js';
import { RelayData } from './relay-data.js';
import { RelayDemand } from './relay-demand.js';
import type { RelayPeer } from '../pipes/relay-peers.js';
import { planRelay, type EpochOver, type PlannedRelay } from './relay-planning.js';
import { RELAY_REASONS } from '../streams/relay-reasons.js';
import { nextRelayStep, toSluiceError, type RelayOutcome } from './relay-retry.js';
import { RelayTracks, type TakeOver } from './relay-tracks.js';
import { Relay } from './relay.js';
import { StreamCopy } from '../streams/stream-copy.js';

export interface RelayedStreamOptions {
  readonly identity: NodeIdentity;
  readonly directory: Directory;
  readonly facts: FactPublisher;
  readonly pipes: Pick<Pipes, 'ensure'>;
  readonly peerOf: (router: RouterRef) => RelayPeer;
  readonly clock: Clock;
  readonly log: Log;
  readonly answerDeadlineMs: number;
  /** How long an edge that nobody watches stays. */
  readonly lingerMs: number;
  /** How long nobody must want packets before they are no longer sent. */
  readonly pauseDelayMs: number;
}

/** A relay that held this long worked: what failed before it counts no more. */
const STABLE_AFTER_MS = 5_000;
/** How long a relay that was told of the stream's move may still feed: planning again takes time. */
const LAST_RELAY_KEEP_MS = 6_000;
/** How long what was replaced still feeds those who watch: they have to answer an offer. */
const SWITCH_OVER_MS = 3_000;

/**
 * A stream that another router publishes, brought to one of ours for as long as somebody watches. It
 * owns the copy and keeps it fed: when its parent fails, or its origin moves, it plans again and the
 * copy stays, with other tracks. Only when that fails too does the copy close.
 */
export class RelayedStream extends Resource {
  readonly #demand: RelayDemand;
  readonly #ready = Promise.withResolvers<StreamCopy>();
  #copy: StreamCopy | undefined;
  #tracks: RelayTracks | undefined;
  #data: RelayData | undefined;
  #relay: Relay | undefined;
  /** Whether others have the copy: from when it first had all its tracks. */
  #established = false;
  #linger: Timer | undefined;
  #failures = 0;
  #excluded: readonly string[] = [];
  #over: EpochOver | undefined;
  /** Feeds the copy until the next relay can. */
  #last: Relay | undefined;
  #replanning = false;
  /** Of a better parent than the present one. */
  #better: PlannedRelay | undefined;

  constructor(
    readonly router: HomeRouter,
    readonly name: StreamName,
    private readonly options: RelayedStreamOptions,
    /** Told once, when the copy has its tracks. */
    private readonly onEstablished: (copy: StreamCopy) => void,
  ) {
    super();
    this.#demand = new RelayDemand(options.clock, options.pauseDelayMs);
  }

  /** The relay that feeds it now; undefined while it looks for a parent. */
  get relay(): Relay | undefined {
    return this.#relay;
  }

  /** Whether anybody here wants packets now. */
  get wanted(): boolean {
    return this.#copy?.wanted === true;
  }

  /**
   * The copy, as soon as it has its tracks.
   *
   * @throws {SluiceError} NOT_FOUND when nobody publishes it, UNAVAILABLE when it cannot be had now.
   */
  get ready(): Promise<StreamCopy> {
    return this.#ready.promise;
  }

  /** Starts; call it once. */
  open(): Promise<StreamCopy> {
    void this.#run();
    return this.#ready.promise;
  }

  /** Somebody is about to watch: the linger starts anew. */
  touch(): void {
    if (this.#established && !this.#copy?.watched) this.#startLinger();
  }

  /** Looks for another parent if that node's is the present one. */
  nodeLost(nodeId: string, bootId: string): void {
    const from = this.#relay?.state.from;
    if (from?.nodeId === nodeId && from.bootId === bootId) this.#relay?.close('node lost');
  }

  /** Asks for a better parent than that of this relay, and goes to it before it leaves the old one. */
  async replan({ epoch, from }: RelayState): Promise<void> {
    const relay = this.#relay;
    if (!relay || this.#replanning || !isFrom(relay, from) || relay.state.epoch !== epoch) return;
    this.#replanning = true;
    const wish = { name: this.name, to: this.#here(), excluded: [] };
    const planned = await planRelay(this.options.directory, wish, undefined).finally(() => {
      this.#replanning = false;
    });
    if (planned === 'here' || planned instanceof SluiceError) return;
    if (relay !== this.#relay || planned.epoch !== epoch || isFrom(relay, planned.parent)) return;
    this.#better = planned;
    relay.leave(RELAY_REASONS.replanned);
  }

  protected override release(reason: CloseReason): void {
    this.#linger?.cancel();
    this.#demand.connect(undefined);
    this.#dropRelay(reason);
    // First the copy, which says why; its producers' ends alone would look like removed tracks.
    this.#copy?.close(reason);
    const end = () => {
      this.#last?.close(reason);
      this.#tracks?.close();
    };
    // To this very router: whoever watches takes the origin's packets when they can.
    if (this.#last && reason === RELAY_REASONS.moved) this.#later(SWITCH_OVER_MS, end);
    else end();
    this.#ready.reject(new SluiceError('UNAVAILABLE', 'the stream cannot be had now'));
  }

  async #run(): Promise<void> {
    do {
      const startedAtMs = this.options.clock.nowMs();
      const outcome = await this.#try();
      if (this.#worked(startedAtMs)) this.#forgetFailures();
      await this.#afterwards(outcome);
    } while (!this.closed);
  }

  /** One plan and, with luck, the whole life of the relay that it names. */
  async #try(): Promise<RelayOutcome> {
    const wish = { name: this.name, to: this.#here(), excluded: this.#excluded };
    const better = this.#better;
    this.#better = undefined;
    const planned = better ?? (await planRelay(this.options.directory, wish, this.#over));
    if (planned === 'here') return this.#publishedHere();
    if (planned instanceof SluiceError) return { kind: 'not planned', error: planned };
    const { parent } = planned;
    const parentRouterId = parent.routerId;
    try {
      const relay = await this.#openRelay(planned);
      try {
        await this.#follow(relay);
      } finally {
        if (feedsOn(relay)) this.#keepAsLast(relay);
        this.#dropRelay('ended');
        if (relay !== this.#last) relay.close('ended');
      }
      const reason = relay.ended ?? RELAY_REASONS.relayLost;
      this.#over = { epoch: planned.epoch, reason };
      return { kind: 'ended', parentRouterId, reason };
    } catch (error) {
      return { kind: 'lost', parentRouterId, error: toSluiceError(error) };
    }
  }

  /** The publisher came to this very router: an edge makes way for the origin. */
  #publishedHere(): RelayOutcome {
    if (this.#established) this.close(RELAY_REASONS.moved);
    const error = new SluiceError('UNAVAILABLE', 'the stream is about to be published here');
    return { kind: 'not planned', error };
  }

  async #openRelay({ parent, epoch, ticket }: PlannedRelay): Promise<Relay> {
    const pipe = await this.options.pipes.ensure(this.router, parent, ticket);
    if (this.closed) throw new SluiceError('UNAVAILABLE', 'nobody wants the stream any more');
    const call = this.options.peerOf(parent).openRelay();
    const state = { stream: { ...this.name }, epoch, from: parent, to: this.#here() };
    const relay = new Relay({ pipe, state, call });
    relay.request(ticket);
    this.#demand.connect((paused) => relay.setPaused(paused));
    return relay;
  }

  async #follow(relay: Relay): Promise<void> {
    const { clock, answerDeadlineMs } = this.options;
    let tracks = await withDeadline(clock, answerDeadlineMs, 'the relay', relay.nextTracks());
    while (tracks && !relay.closed) {
      this.#connect(relay);
      const path = this.#pathBelow(tracks.path);
      this.#copy ??= this.#makeCopy(relay.state.epoch, path);
      const takeOver = this.#takeOver(relay, path);
      await this.#tracks?.apply(tracks.tracks, relay.pipe.transport, takeOver);
      await this.#data?.apply(tracks.data?.tracks ?? [], relay.pipe.transport);
      this.#establish();
      tracks = await relay.nextTracks();
    }
  }

  #connect(relay: Relay): void {
    if (this.closed) throw new SluiceError('UNAVAILABLE', 'nobody wants the stream any more');
    if (this.#relay === relay || relay.closed) return;
    this.#relay = relay;
    this.options.facts.relayOpened(relay.state);
  }

  /** The copy has its old source, and says so, until the new one can take its place. */
  #takeOver(relay: Relay, path: readonly string[]): TakeOver {
    const { clock } = this.options;
    const last = this.#last?.closed === false ? this.#last : undefined;
    return {
      steady: async (producers) => {
        if (last) await Promise.race([steadyFlow(clock, producers), endOf(last)]);
      },
      begin: () => {
        this.#over = undefined;
        this.#copy?.changeSource(relay.state.epoch, path);
      },
      retire: (producers) => {
        const end = () => {
          for (const producer of producers) producer.close();
          last?.close('replaced');
        };
        if (this.#last === last) this.#last = undefined;
        if (producers.some(({ closed }) => !closed)) this.#later(SWITCH_OVER_MS, end);
        else end();
      },
    };
  }

  #keepAsLast(relay: Relay): void {
    this.#last?.close('replaced');
    this.#last = relay;
    this.#later(LAST_RELAY_KEEP_MS, () => {
      if (this.#last === relay) relay.close('replaced');
    });
  }

  #later(delayMs: number, task: () => void): void {
    this.options.clock.after(delayMs, task);
  }

  #pathBelow(parentPath: readonly string[]): readonly string[] {
    const { nodeId } = this.options.identity;
    // Between the cores of one node the way does not leave it.
    if (parentPath.at(-1) === nodeId) return parentPath;
    if (!parentPath.includes(nodeId)) return [...parentPath, nodeId];
    throw new SluiceError('INVALID_STATE', 'the parent is fed by this node itself');
  }

  #makeCopy(epoch: number, path: readonly string[]): StreamCopy {
    const copy = new StreamCopy(this.name, epoch, this.router, path);
    copy.on('wantedChanged', (wanted) => this.#demand.setWanted(wanted));
    copy.on('watchedChanged', (watched) => {
      if (watched) this.#linger?.cancel();
      else this.#startLinger();
    });
    this.#tracks = new RelayTracks(copy);
    this.#data = this.own(new RelayData(copy, this.options.clock));
    return copy;
  }

  #establish(): void {
    const copy = this.#copy;
    if (this.#established || this.closed || !copy) return;
    this.#established = true;
    this.#startLinger();
    this.onEstablished(copy);
    this.#ready.resolve(copy);
  }

  #startLinger(): void {
    this.#linger?.cancel();
    if (this.closed) return;
    const { clock, lingerMs } = this.options;
    this.#linger = clock.after(lingerMs, () => this.close(RELAY_REASONS.unwatched));
  }

  #dropRelay(reason: CloseReason): void {
    const relay = this.#relay;
    if (!relay) return;
    this.#relay = undefined;
    this.#demand.connect(undefined);
    if (relay !== this.#last) relay.close(reason);
    this.options.facts.relayClosed(relay.state);
  }

  async #afterwards(outcome: RelayOutcome): Promise<void> {
    if (this.closed) return;
    const { clock, log } = this.options;
    const established = this.#established;
    const failures = this.#failures;
    const comesBack = this.#over?.reason !== RELAY_REASONS.streamEnded;
    const history = { established, failures, excluded: this.#excluded, comesBack };
    const step = nextRelayStep(outcome, history);
    const fields = { routerId: this.router.routerId, ...describe(outcome) };
    if (step.kind === 'give up' || this.router.closed) {
      log.debug(fields, 'stream no longer relayed');
      if (step.kind === 'give up') this.#ready.reject(step.error);
      const { streamEnded, originLost, relayLost } = RELAY_REASONS;
      const reason = step.kind === 'give up' ? step.reason : relayLost;
      this.close(reason === streamEnded && established && comesBack ? originLost : reason);
      return;
    }
    log.debug(fields, 'planning a relay again');
    this.#failures += 1;
    this.#excluded = step.excluded;
    if (step.delayMs > 0) await this.#pause(clock, step.delayMs);
  }

  #pause(clock: Clock, delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      clock.after(delayMs, () => resolve());
    });
  }

  #worked(startedAtMs: number): boolean {
    return this.#established && this.options.clock.nowMs() - startedAtMs > STABLE_AFTER_MS;
  }

  #forgetFailures(): void {
    this.#failures = 0;
    this.#excluded = [];
  }

  #here(): RouterRef {
    return { ...this.options.identity, routerId: this.router.routerId };
  }
}

function isFrom({ state: { from } }: Relay, router: RouterRef | undefined): boolean {
  return from?.routerId === router?.routerId && from?.bootId === router?.bootId;
}

/** Whether a relay that has ended is good until there is another one. */
function feedsOn({ ended, closed }: Relay): boolean {
  return !closed && (ended === RELAY_REASONS.moved || ended === RELAY_REASONS.replanned);
}

function endOf(relay: Relay): Promise<void> {
  return new Promise((resolve) => {
    relay.onClosed(() => resolve());
  });
}

function describe(outcome: RelayOutcome): object {
  if (outcome.kind === 'ended') return { outcome: outcome.reason };
  return { outcome: outcome.kind, code: outcome.error.code, err: outcome.error };
}
