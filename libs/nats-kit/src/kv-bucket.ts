import {
  JetStreamApiCodes,
  JetStreamApiError,
  jetstream,
  jetstreamManager,
  type JetStreamManager,
} from '@nats-io/jetstream';
import { Kvm, type KV, type KvWatchEntry } from '@nats-io/kv';
import { SluiceError } from '@sluice/core';
import { inSpan } from '@sluice/tracing';
import type { Bus, Listening } from './bus.js';

export interface KvBucketOptions {
  readonly name: string;
  /** Copies that a clustered NATS keeps: 1, 3 or 5. Counts when the bucket is made. */
  readonly replicas: number;
  /** Any one operation ends by then. */
  readonly timeoutMs: number;
  readonly onTrouble?: (error: unknown) => void;
}

export interface KvValue {
  /** Undefined where only a marker of a deletion is left. */
  readonly value: Uint8Array | undefined;
  /** For compare-and-set; means nothing after the bucket was made anew. */
  readonly revision: number;
}

export interface KvFollower {
  /** The bucket was made anew since it was last followed: all that was told before is gone. */
  onReset(): void;
  /** Also called for what was known before, after each reconnect. */
  onEntry(key: string, entry: KvValue): void;
  /** All entries there are have been told; what was known before and is not in `keys` is gone. */
  onLoaded(keys: ReadonlySet<string>): void;
}

interface OpenBucket {
  readonly kv: KV;
  readonly jsm: JetStreamManager;
  /** Tells a bucket from one of the same name that was made after the first was wiped. */
  readonly createdAt: string;
}

const REOPEN_MS = 250;
const CHECK_INTERVAL_MS = 5_000;

/**
 * A JetStream KV bucket that may be away, and may be wiped while we look: it is made when missing,
 * followed again after each reconnect, and every operation on it ends in bounded time. Works with
 * nats-server 2.9, so without per-key time to live.
 */
export class KvBucket {
  readonly #connected: Listening;
  readonly #check: NodeJS.Timeout;
  #open: OpenBucket | undefined;
  /** Grows with each opening, so that an older one that is still under way gives up. */
  #generation = 0;
  #lastCreatedAt: string | undefined;
  #stopWatch: (() => void) | undefined;
  #closed = false;

  private constructor(
    private readonly bus: Bus,
    private readonly options: KvBucketOptions,
    private readonly follower: KvFollower,
  ) {
    this.#connected = bus.onConnected(() => this.#reopen());
    this.#check = setInterval(() => void this.#checkCreation(), CHECK_INTERVAL_MS);
    this.#check.unref();
  }

  /** Returns at once; opens when the bus is connected, and again whenever that is needed. */
  static open(bus: Bus, options: KvBucketOptions, follower: KvFollower): KvBucket {
    return new KvBucket(bus, options, follower);
  }

  /** Reads from the bucket's leader, so never an older value. @throws {SluiceError} UNAVAILABLE. */
  read(key: string): Promise<KvValue | undefined> {
    return this.#operate('read', async ({ kv }) => {
      const entry = await kv.get(key);
      if (!entry) return undefined;
      const { operation, value, revision } = entry;
      return { value: operation === 'PUT' ? value : undefined, revision };
    });
  }

  /**
   * Compare-and-set: writes if the key is still at `revision`, 0 for a key that is not there.
   * The new revision, or undefined when somebody else was first.
   *
   * @throws {SluiceError} UNAVAILABLE, when the write may have happened all the same.
   */
  write(key: string, value: Uint8Array, revision: number): Promise<number | undefined> {
    return this.#operate('write', async ({ kv }) => {
      try {
        return await kv.put(key, value, { previousSeq: revision });
      } catch (error) {
        if (isConflict(error)) return undefined;
        throw error;
      }
    });
  }

  /** Removes a key without a trace if it is still at `revision`. @throws {SluiceError} UNAVAILABLE. */
  remove(key: string, revision: number): Promise<void> {
    return this.#operate('remove', async ({ kv, jsm }) => {
      // A revision names a message of any key: make sure that it is this one's.
      const entry = await kv.get(key);
      if (entry?.revision !== revision) return;
      try {
        // Erased, since one that is merely marked comes back when the server is killed.
        await jsm.streams.deleteMessage(`KV_${this.options.name}`, revision, true);
      } catch (error) {
        // Replaced or removed meanwhile.
        if (!(error instanceof JetStreamApiError)) throw error;
      }
    });
  }

  close(): void {
    this.#closed = true;
    this.#generation += 1;
    this.#open = undefined;
    clearInterval(this.#check);
    this.#connected.stop();
    this.#stopWatch?.();
  }

  #operate<T>(what: string, operation: (bucket: OpenBucket) => Promise<T>): Promise<T> {
    const span = { name: `NATS KV ${what}`, kind: 'client' } as const;
    return inSpan(span, () => this.#attempt(operation));
  }

  async #attempt<T>(operation: (bucket: OpenBucket) => Promise<T>): Promise<T> {
    const open = this.#open;
    if (!open || !this.bus.connected) throw unavailable();
    try {
      return await withTimeout(operation(open), this.options.timeoutMs);
    } catch (error) {
      if (this.#open === open && isMissing(error)) this.#reopen();
      throw unavailable(error);
    }
  }

  #reopen(): void {
    this.#generation += 1;
    this.#open = undefined;
    this.#stopWatch?.();
    this.#stopWatch = undefined;
    if (!this.#closed) void this.#openUntilDone(this.#generation);
  }

  async #openUntilDone(generation: number): Promise<void> {
    while (generation === this.#generation && this.bus.connected) {
      try {
        await this.#openOnce(generation);
        return;
      } catch (error) {
        this.options.onTrouble?.(error);
      }
      await pause(REOPEN_MS);
    }
  }

  async #openOnce(generation: number): Promise<void> {
    const { name, replicas, timeoutMs } = this.options;
    const connection = await this.bus.connection();
    const js = jetstream(connection, { timeout: timeoutMs });
    const jsm = await jetstreamManager(connection, { timeout: timeoutMs });
    // Direct reads may be answered by a copy that lags.
    const kv = await new Kvm(js).create(name, { replicas, history: 1, allow_direct: false });
    const watch = await kv.watch();
    try {
      const { streamInfo, values } = await kv.status();
      if (generation !== this.#generation) throw new Error('opened again meanwhile');
      this.#take({ kv, jsm, createdAt: streamInfo.created });
      void this.#follow(watch, values === 0, generation);
    } catch (error) {
      watch.stop();
      throw error;
    }
    this.#stopWatch = () => watch.stop();
  }

  #take(open: OpenBucket): void {
    if (this.#lastCreatedAt !== open.createdAt) this.follower.onReset();
    this.#lastCreatedAt = open.createdAt;
    this.#open = open;
  }

  async #follow(
    watch: AsyncIterable<KvWatchEntry>,
    empty: boolean,
    generation: number,
  ): Promise<void> {
    try {
      await this.#hear(watch, empty, generation);
    } catch (error) {
      this.options.onTrouble?.(error);
    }
    // Its consumer is gone, as after a wipe that left the connection up.
    await pause(REOPEN_MS);
    if (generation === this.#generation) this.#reopen();
  }

  async #hear(
    watch: AsyncIterable<KvWatchEntry>,
    empty: boolean,
    generation: number,
  ): Promise<void> {
    const loading = new Set<string>();
    let loaded = empty;
    if (loaded) this.follower.onLoaded(loading);
    for await (const { key, value, operation, revision, isUpdate } of watch) {
      if (generation !== this.#generation) return;
      this.follower.onEntry(key, { value: operation === 'PUT' ? value : undefined, revision });
      if (loaded) continue;
      loading.add(key);
      loaded = isUpdate;
      if (loaded) this.follower.onLoaded(loading);
    }
  }

  async #checkCreation(): Promise<void> {
    const open = this.#open;
    if (!open || !this.bus.connected) return;
    try {
      const { streamInfo } = await open.kv.status();
      if (this.#open === open && streamInfo.created !== open.createdAt) this.#reopen();
    } catch (error) {
      if (this.#open === open && isMissing(error)) this.#reopen();
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function isConflict(error: unknown): boolean {
  return (
    error instanceof JetStreamApiError &&
    (error.code === JetStreamApiCodes.StreamWrongLastSequence ||
      error.code === JetStreamApiCodes.StreamWrongLastSequenceUnknown)
  );
}

/** Whether the stream under the bucket is not there: publishing to it finds nobody who takes it. */
function isMissing(error: unknown): boolean {
  if (error instanceof JetStreamApiError) return error.code === JetStreamApiCodes.StreamNotFound;
  return error instanceof Error && /no responders|503|not enabled/i.test(error.message);
}

function unavailable(cause?: unknown): SluiceError {
  return new SluiceError('UNAVAILABLE', 'the stream records cannot be reached', {}, { cause });
}

async function withTimeout<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  // The loser's failure, when it comes, is nobody's business any more.
  work.catch(() => undefined);
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
