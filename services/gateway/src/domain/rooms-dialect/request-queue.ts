/** Requests of one lane follow each other. */
export type Lane = string;
/** The lane of what changes which rooms the connection is in. */
export const ALONE: Lane = 'alone';

export interface Request {
  readonly sizeBytes: number;
  /** Asked when all requests before it have their lanes. */
  lane(): Lane;
  /** Never rejects. */
  run(): Promise<void>;
}

const WAITING_MAX = 256;
const WAITING_MAX_BYTES = 1024 * 1024;

/**
 * The requests of one connection. Those of one lane run one after the other, in their order; those of
 * different lanes overlap, so that twenty subscriptions do not wait for each other's relays. One in
 * the lane ALONE waits for all before it, and all after it wait for it.
 */
export class RequestQueue {
  readonly #arrived: Request[] = [];
  /** The last request of each lane that has any. */
  readonly #lanes = new Map<Lane, Promise<void>>();
  #waiting = 0;
  #waitingBytes = 0;
  #assigning = false;

  /** False when too much waits already; then the request is dropped. */
  push(request: Request): boolean {
    if (this.#waiting >= WAITING_MAX) return false;
    if (this.#waitingBytes + request.sizeBytes > WAITING_MAX_BYTES) return false;
    this.#waiting += 1;
    this.#waitingBytes += request.sizeBytes;
    this.#arrived.push(request);
    if (!this.#assigning) void this.#assign();
    return true;
  }

  async #assign(): Promise<void> {
    this.#assigning = true;
    for (let next = this.#arrived.shift(); next; next = this.#arrived.shift()) {
      const lane = next.lane();
      if (lane === ALONE) {
        await Promise.all(this.#lanes.values());
        await this.#run(next);
      } else this.#append(lane, next);
    }
    this.#assigning = false;
  }

  #append(lane: Lane, request: Request): void {
    const before = this.#lanes.get(lane);
    const done = before ? before.then(() => this.#run(request)) : this.#run(request);
    this.#lanes.set(lane, done);
    void done.then(() => {
      if (this.#lanes.get(lane) === done) this.#lanes.delete(lane);
    });
  }

  #run(request: Request): Promise<void> {
    this.#waiting -= 1;
    this.#waitingBytes -= request.sizeBytes;
    return request.run();
  }
}
