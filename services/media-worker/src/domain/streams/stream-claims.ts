import type { RouterRef } from '@sluice/proto-gen/common';
import {
  Resource,
  SluiceError,
  hasCode,
  streamKey,
  type Clock,
  type StreamKey,
  type StreamName,
  type Timer,
} from '@sluice/core';
import type { Epochs } from './epochs.js';
import type { Directory, StreamYield } from '../ports.js';

/** Who the directory says holds a name. */
export interface NameHolder {
  readonly nodeId: string;
  readonly bootId: string;
  readonly sessionId: string;
  readonly epoch: number;
  readonly grpcAddress: string;
}

/** Asks whoever holds a name to let it go to a new session of the same participant. */
export interface NameHolders {
  /** @throws {SluiceError} INVALID_STATE while the holding session is in use. */
  yield(holder: NameHolder, wish: StreamYield): Promise<void>;
}

/** Why a claim ends without being given back: it is another's by now. */
export const FENCED = 'fenced';
const CLAIM_TRIES = 3;
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 5_000;
const REREGISTER_AT_ONCE = 8;
/** Waits between tries to tell an old origin that a new one flows; it may be slow, or dead. */
const SUPERSEDE_DELAYS_MS = [0, 200, 500, 1_000, 2_000];

/** Who claims a name, and for whom. */
export interface Claimant {
  readonly name: StreamName;
  readonly origin: RouterRef;
  readonly sessionId: string;
  /** The session that this one takes over from. */
  readonly replacesSessionId?: string | undefined;
}

/** A stream's name, ours for as long as this is open. Closing it gives the name back. */
export class StreamClaim extends Resource {
  constructor(
    readonly name: StreamName,
    readonly origin: RouterRef,
    readonly sessionId: string,
    readonly epoch: number,
    /** The origin that feeds whoever watches until we flow; undefined when there was none. */
    readonly predecessor?: NameHolder,
  ) {
    super();
  }
}

export interface StreamClaimsOptions {
  readonly directory: Directory;
  readonly holders: NameHolders;
  readonly epochs: Epochs;
  readonly clock: Clock;
  /** Told of each name of ours that turned out to be another's. */
  readonly onFenced: (name: StreamName) => void;
}

/**
 * The names that this node's sessions hold. A name is given back in the background for as long as
 * the directory cannot be reached; a new claim of it takes the place of that.
 */
export class StreamClaims {
  readonly #held = new Map<StreamKey, StreamClaim>();
  /** Sessions that wait for the directory's answer, by name. */
  readonly #claiming = new Map<StreamKey, Set<string>>();
  readonly #releases = new Map<StreamKey, Release>();
  #reregistering: Promise<boolean> | undefined;
  #onAllReleased: (() => void)[] = [];

  constructor(private readonly options: StreamClaimsOptions) {}

  /** @throws {SluiceError} ALREADY_EXISTS while somebody else uses the name, UNAVAILABLE. */
  async claim(claimant: Claimant): Promise<StreamClaim> {
    const { name, sessionId } = claimant;
    const key = streamKey(name);
    const claiming = this.#claiming.get(key) ?? new Set();
    this.#claiming.set(key, claiming.add(sessionId));
    try {
      return await this.#claim(claimant);
    } finally {
      claiming.delete(sessionId);
      if (claiming.size === 0) this.#claiming.delete(key);
    }
  }

  find(name: StreamName): StreamClaim | undefined {
    return this.#held.get(streamKey(name));
  }

  /** Tells the origin from which `claim` took over that the new one flows. */
  async supersede({ name, sessionId, predecessor }: StreamClaim): Promise<void> {
    if (!predecessor) return;
    const { clock, holders } = this.options;
    const { epoch, sessionId: replacesSessionId } = predecessor;
    for (const delayMs of SUPERSEDE_DELAYS_MS) {
      if (delayMs > 0) await new Promise<void>((resolve) => clock.after(delayMs, resolve));
      try {
        await holders.yield(predecessor, { name, epoch, sessionId, replacesSessionId });
        return;
      } catch (error) {
        // Anything else: it holds the name no more.
        if (!hasCode(error, 'UNAVAILABLE', 'DEADLINE_EXCEEDED')) return;
      }
    }
  }

  /** Resolves when the directory has heard, or refused to hear, that we gave `name` back. */
  async settled(name: StreamName): Promise<void> {
    await this.#releases.get(streamKey(name))?.start();
  }

  /**
   * Makes sure, at another session's request, that the directory has heard of a name which no
   * session of ours holds any more.
   *
   * @throws {SluiceError} INVALID_STATE when a session of ours holds it or is about to.
   */
  async giveBack(name: StreamName, epoch: number, askerId: string): Promise<void> {
    const key = streamKey(name);
    const pending = this.#releases.get(key);
    if (pending) return pending.start();
    const others = [...(this.#claiming.get(key) ?? [])].some((id) => id !== askerId);
    if (others || this.#held.has(key)) {
      throw new SluiceError('INVALID_STATE', 'the stream is in use');
    }
    await this.options.directory.releaseStream(name, epoch);
  }

  /** Resolves when no name waits to be given back. */
  allReleased(): Promise<void> {
    if (this.#releases.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onAllReleased.push(resolve));
  }

  /**
   * Tells the directory again what we hold, as it may have lost it; whether it heard all of it.
   * What is another's by now is closed as `fenced`.
   */
  reregister(): Promise<boolean> {
    this.#reregistering ??= this.#reregisterAll().finally(() => {
      this.#reregistering = undefined;
    });
    return this.#reregistering;
  }

  /** Asks the directory whether a name that we hold is still ours; it is closed as `fenced` if not. */
  async check(name: StreamName): Promise<void> {
    const claim = this.find(name);
    if (claim?.closed === false) await this.#reregisterOne(claim);
  }

  async #claim(claimant: Claimant): Promise<StreamClaim> {
    const { name } = claimant;
    const predecessor = await this.#predecessorOf(claimant);
    // The directory would take a claim of the same session for the old one, and then release it.
    await this.#releases.get(streamKey(name))?.start();
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#claimOnce(claimant, predecessor);
      } catch (error) {
        if (!hasCode(error, 'ALREADY_EXISTS')) throw error;
        if (attempt === CLAIM_TRIES) throw alreadyExists(error);
        await this.#makeRoom(error, claimant);
      }
    }
  }

  /** The origin of the session that the claimant replaces, while it still holds the name. */
  async #predecessorOf({ name, replacesSessionId }: Claimant): Promise<NameHolder | undefined> {
    if (replacesSessionId === undefined) return undefined;
    try {
      const { origin, epoch, sessionId } = await this.options.directory.findStream(name);
      if (sessionId !== replacesSessionId) return undefined;
      const { nodeId, bootId, grpcAddress } = origin;
      return { nodeId, bootId, grpcAddress, sessionId, epoch };
    } catch (error) {
      if (hasCode(error, 'NOT_FOUND')) return undefined;
      throw error;
    }
  }

  async #claimOnce(claimant: Claimant, predecessor: NameHolder | undefined): Promise<StreamClaim> {
    const { name, origin, sessionId } = claimant;
    const { directory, epochs } = this.options;
    const { epoch } = await directory.claimStream({ ...claimant, highestEpoch: epochs.highest });
    epochs.see(epoch);
    const claim = new StreamClaim(name, origin, sessionId, epoch, predecessor);
    const key = streamKey(name);
    this.#releases.get(key)?.abandon();
    this.#held.set(key, claim);
    claim.onClosed((reason) => {
      if (this.#held.get(key) === claim) this.#held.delete(key);
      if (reason !== FENCED) this.#release(name, epoch);
    });
    return claim;
  }

  #release(name: StreamName, epoch: number): void {
    const key = streamKey(name);
    if (this.#held.has(key)) return;
    this.#releases.get(key)?.abandon();
    const release = new Release(
      () => this.options.directory.releaseStream(name, epoch),
      this.options.clock,
      () => {
        if (this.#releases.get(key) === release) this.#releases.delete(key);
        if (this.#releases.size > 0) return;
        for (const resolve of this.#onAllReleased.splice(0)) resolve();
      },
    );
    this.#releases.set(key, release);
    void release.start();
  }

  async #makeRoom(refusal: SluiceError, claimant: Claimant): Promise<void> {
    const { name, sessionId } = claimant;
    const holder = holderOf(refusal);
    if (!holder) throw alreadyExists(refusal);
    this.options.epochs.see(holder.epoch);
    try {
      const replaced = holder.sessionId === claimant.replacesSessionId;
      await this.options.holders.yield(holder, {
        name,
        epoch: holder.epoch,
        sessionId,
        ...(replaced && { replacesSessionId: holder.sessionId }),
      });
    } catch (error) {
      // It holds the name no more, so the next try may succeed.
      if (hasCode(error, 'NOT_FOUND', 'STALE_EPOCH')) return;
      if (hasCode(error, 'UNAVAILABLE', 'DEADLINE_EXCEEDED')) {
        throw new SluiceError('UNAVAILABLE', "the stream's last holder does not answer; try again");
      }
      throw alreadyExists(refusal);
    }
  }

  async #reregisterAll(): Promise<boolean> {
    const claims = [...this.#held.values()];
    let heard = true;
    const worker = async (): Promise<void> => {
      for (let claim = claims.pop(); claim; claim = claims.pop()) {
        if (!claim.closed && !(await this.#reregisterOne(claim))) heard = false;
      }
    };
    await Promise.all(Array.from({ length: REREGISTER_AT_ONCE }, worker));
    return heard;
  }

  async #reregisterOne(claim: StreamClaim): Promise<boolean> {
    const { name, origin, sessionId, epoch: heldEpoch } = claim;
    const { directory, epochs, onFenced } = this.options;
    const claimAgain = { name, origin, sessionId, highestEpoch: epochs.highest, heldEpoch };
    try {
      const { epoch } = await directory.claimStream(claimAgain);
      epochs.see(epoch);
      // Granted anew by a claim whose answer was lost: nobody can find us by our epoch any more.
      if (epoch !== heldEpoch) claim.close(FENCED);
      // Given back while the call ran, which may have registered the name again.
      if (claim.closed) this.#release(name, epoch);
      return true;
    } catch (error) {
      // Anything else: the directory cannot say now, and what it forgot it does not take away.
      if (!hasCode(error, 'STALE_EPOCH', 'ALREADY_EXISTS')) return false;
      if (!claim.closed) onFenced(name);
      claim.close(FENCED);
      return true;
    }
  }
}

/** Gives a name back, again and again until the directory has heard it. */
class Release {
  #timer: Timer | undefined;
  #trying: Promise<boolean> | undefined;
  #over = false;

  constructor(
    private readonly release: () => Promise<void>,
    private readonly clock: Clock,
    private readonly onOver: () => void,
  ) {}

  /** Tries at once; when that fails, again after `retryMs`, and so on. */
  async start(retryMs = FIRST_RETRY_MS): Promise<void> {
    this.#timer?.cancel();
    this.#trying ??= this.#try();
    const heard = await this.#trying;
    this.#trying = undefined;
    if (heard) this.abandon();
    if (this.#over) return;
    const nextMs = Math.min(retryMs * 2, LAST_RETRY_MS);
    this.#timer?.cancel();
    this.#timer = this.clock.after(retryMs, () => void this.start(nextMs));
  }

  abandon(): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer?.cancel();
    this.onOver();
  }

  async #try(): Promise<boolean> {
    try {
      await this.release();
      return true;
    } catch (error) {
      return !hasCode(error, 'UNAVAILABLE', 'DEADLINE_EXCEEDED', 'INTERNAL');
    }
  }
}

function holderOf(refusal: SluiceError): NameHolder | undefined {
  const { nodeId, bootId, sessionId, epoch, grpcAddress } = refusal.details;
  if (typeof nodeId !== 'string' || typeof grpcAddress !== 'string') return undefined;
  if (typeof sessionId !== 'string' || typeof bootId !== 'string') return undefined;
  return { nodeId, bootId, sessionId, epoch: Number(epoch), grpcAddress };
}

function alreadyExists(cause: SluiceError): SluiceError {
  return new SluiceError('ALREADY_EXISTS', 'Stream already exists', cause.details, { cause });
}
