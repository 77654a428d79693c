import { createHash } from 'node:crypto';
import { SluiceError } from '@sluice/core';
import { BUCKETS, KvBucket, type Bus } from '@sluice/nats-kit';
import type { Observer } from '../domain/ports.js';
import type { ServerList } from '../domain/umbrella/server-list.js';
import type { Lease, Leases } from '../domain/umbrella/trunks.js';

const KEY = 'servers';
const TIMEOUT_MS = 2_000;
/** Others that write at the same time. */
const ATTEMPTS_MAX = 5;

/** The list of Umbrella's servers, and who dials which, in a KV bucket that is followed. */
export class NatsServerList implements ServerList, Leases {
  readonly #leases = new Map<string, Lease>();
  #servers: readonly string[] = [];
  readonly #bucket: KvBucket;

  constructor(
    bus: Bus,
    private readonly observer: Observer,
  ) {
    const onTrouble = (error: unknown) => observer.trouble(error, 'reading the list of servers');
    this.#bucket = KvBucket.open(
      bus,
      { name: BUCKETS.umbrella, replicas: 1, timeoutMs: TIMEOUT_MS, onTrouble },
      {
        onReset: () => {
          this.#leases.clear();
          this.#take(undefined);
        },
        onEntry: (key, { value, revision }) => {
          if (key === KEY) this.#take(value);
          else if (value) {
            this.#leases.set(key, { owner: Buffer.from(value).toString('utf8'), revision });
          }
        },
        onLoaded: (keys) => {
          if (!keys.has(KEY)) this.#take(undefined);
        },
      },
    );
  }

  get servers(): readonly string[] {
    return this.#servers;
  }

  async replace(servers: readonly string[]): Promise<void> {
    const value = Buffer.from(JSON.stringify(servers));
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const known = await this.#bucket.read(KEY);
      const written = await this.#bucket.write(KEY, value, known?.revision ?? 0);
      if (written === undefined) continue;
      this.#take(value);
      return;
    }
    throw new SluiceError('UNAVAILABLE', 'others change the list of servers, come again');
  }

  leaseOf(server: string): Lease | undefined {
    return this.#leases.get(leaseKey(server));
  }

  claim(server: string, owner: string, revision: number): Promise<number | undefined> {
    return this.#bucket.write(leaseKey(server), Buffer.from(owner), revision);
  }

  close(): void {
    this.#bucket.close();
  }

  #take(value: Uint8Array | undefined): void {
    try {
      const list = value ? (JSON.parse(Buffer.from(value).toString('utf8')) as string[]) : [];
      this.#servers = list;
    } catch (error) {
      this.observer.trouble(error, 'reading the list of servers');
    }
  }
}

/** Addresses may have tokens, and characters that a key may not. */
function leaseKey(server: string): string {
  return `lease.${createHash('sha256').update(server).digest('base64url')}`;
}
