import {
  Resource,
  SessionId,
  SingleFlight,
  SluiceError,
  hasCode,
  streamKey,
  type StreamKey,
  type StreamName,
} from '@sluice/core';
import { chooseFocus, pulledName, refuseLoop, type FociPolicy } from './foci.js';
import type { HomeRouter } from '../routers/home-router.js';
import type { PullHandOver } from '../ports.js';
import { PulledStream, type Pull, type PullContext } from './pulled-stream.js';

export interface PulledStreamsContext extends PullContext {
  readonly policy: FociPolicy;
}

/** Waits for another node of ours that pulls the same stream in the same moment. */
const ELSEWHERE_DELAYS_MS = [0, 200, 500, 1_000];
/** Dialled at once by one node, whatever its clients ask for. */
const DIALING_MAX = 32;
/** Of one server: it may be long in answering, and others are not to wait for it. */
const DIALING_OF_ONE_MAX = 8;

/**
 * Streams of other servers, each pulled once for all of this cluster who want it: whoever pulls it
 * claims its name, as a publisher does, and the other nodes relay it from there.
 */
export class PulledStreams extends Resource {
  readonly #pulls = new SingleFlight<StreamKey, PulledStream>();
  /** Hosts of those that are dialled now, each as often as it is. */
  readonly #dialing: string[] = [];

  constructor(private readonly context: PulledStreamsContext) {
    super();
  }

  /**
   * What the stream is called here that is wanted from one of `foci`.
   *
   * @throws {SluiceError} PERMISSION_DENIED, INVALID_ARGUMENT; INVALID_STATE for a stream that is
   * pulled already, which is not passed on.
   */
  nameOf(name: StreamName, foci: readonly string[]): StreamName {
    const { policy } = this.context;
    refuseLoop(name, policy);
    const focus = chooseFocus(foci, policy);
    return focus ? pulledName(name, focus) : name;
  }

  /**
   * The same, once it can be had here.
   *
   * @throws also {SluiceError} NOT_FOUND when the other server does not have it, UNAVAILABLE.
   */
  async ensure(home: HomeRouter, name: StreamName, foci: readonly string[]): Promise<StreamName> {
    const local = this.nameOf(name, foci);
    const focus = chooseFocus(foci, this.context.policy);
    if (!focus || (await this.#isHere(home, local))) return local;
    try {
      await this.#pull({ home, focus, name, local });
    } catch (error) {
      if (!hasCode(error, 'ALREADY_EXISTS')) throw error;
      await this.#comesFromElsewhere(home, local, error);
    }
    return local;
  }

  /**
   * Pulls what another node pulls until this one does.
   *
   * @throws {SluiceError} as {@link ensure}.
   */
  async takeOver(
    home: HomeRouter,
    { name, focus: host, replacesSessionId }: Omit<PullHandOver, 'routerId'>,
  ): Promise<void> {
    const focus = chooseFocus([host], this.context.policy);
    if (!focus) throw new SluiceError('INVALID_ARGUMENT', 'that is this cluster itself');
    const local = pulledName(name, focus);
    await this.#pull({
      home,
      focus,
      name,
      local,
      replacesSessionId: SessionId(replacesSessionId),
    });
  }

  #pull(pull: Pull): Promise<PulledStream> {
    return this.#pulls.ensure(streamKey(pull.local), async () => {
      const { host } = pull.focus;
      this.#admit(host);
      this.#dialing.push(host);
      try {
        return this.own(await PulledStream.open(this.context, pull));
      } finally {
        this.#dialing.splice(this.#dialing.indexOf(host), 1);
      }
    });
  }

  #admit(host: string): void {
    const ofIt = this.#dialing.filter((one) => one === host).length;
    if (this.#dialing.length < DIALING_MAX && ofIt < DIALING_OF_ONE_MAX) return;
    throw new SluiceError('CAPACITY_EXHAUSTED', 'too many streams are about to be pulled');
  }

  async #isHere(home: HomeRouter, local: StreamName): Promise<boolean> {
    try {
      await this.context.environment.source.ensure(home.routerId, local);
      return true;
    } catch (error) {
      if (hasCode(error, 'NOT_FOUND')) return false;
      throw error;
    }
  }

  async #comesFromElsewhere(home: HomeRouter, local: StreamName, refusal: unknown): Promise<void> {
    const { clock } = this.context.environment;
    for (const delayMs of ELSEWHERE_DELAYS_MS) {
      await new Promise<void>((resolve) => clock.after(delayMs, resolve));
      if (await this.#isHere(home, local)) return;
    }
    throw refusal;
  }
}
