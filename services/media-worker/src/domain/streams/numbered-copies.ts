import { SingleFlight, SluiceError, streamKey, type Clock, type StreamName } from '@sluice/core';
import type { Numbering } from '@sluice/sdp';
import type { HomeRouter, HomeRouters } from '../routers/home-router.js';
import { NumberedCopy } from './numbered-copy.js';
import type { PipeListen } from '../pipes/pipe-transport.js';
import { RouterLoop } from '../pipes/router-loop.js';
import type { StreamSource } from './stream-copies.js';
import type { StreamCopy } from './stream-copy.js';

export interface NumberedCopiesOptions {
  readonly routers: HomeRouters;
  readonly source: StreamSource;
  readonly listen: PipeListen;
  readonly clock: Clock;
  readonly lingerMs: number;
  readonly report: (error: unknown) => void;
}

/** Clients choose their numbering, so this is theirs to fill; browsers of one kind share one. */
const COPIES_PER_ROUTER_MAX = 500;
const NUMBERINGS_PER_STREAM_MAX = 16;

/**
 * Streams in the numbering of clients that offer to receive, beside those in the router's own: one
 * copy for each router, stream and numbering, shared by all who need it.
 */
export class NumberedCopies {
  /** By numbering. A stream that moved leaves its old copies behind, which feed a little longer. */
  readonly #copies = new WeakMap<StreamCopy, SingleFlight<string, NumberedCopy>>();
  readonly #loops = new SingleFlight<string, RouterLoop>();
  /** Of each router, by stream: also those that are being opened. */
  readonly #counts = new Map<string, number>();

  constructor(private readonly options: NumberedCopiesOptions) {}

  /** Where clients of `numbering` get streams from. */
  in(numbering: Numbering): StreamSource {
    return { ensure: (routerId, name) => this.#ensure(routerId, name, numbering) };
  }

  async #ensure(routerId: string, name: StreamName, numbering: Numbering): Promise<StreamCopy> {
    const home = this.options.routers.find(routerId);
    if (!home) throw new SluiceError('UNAVAILABLE', 'the media node has no such router');
    const source = await this.options.source.ensure(routerId, name);
    const copies = this.#copies.get(source) ?? new SingleFlight<string, NumberedCopy>();
    this.#copies.set(source, copies);
    const open = () => this.#open(home, source, numbering);
    const numbered = await copies.ensure(numbering.key, open);
    numbered.touch();
    if (numbered.copy.closed) throw new SluiceError('UNAVAILABLE', 'the stream is moving');
    return numbered.copy;
  }

  async #open(home: HomeRouter, source: StreamCopy, numbering: Numbering): Promise<NumberedCopy> {
    const release = this.#count(home.routerId, source.name);
    try {
      const { listen, clock, lingerMs, report } = this.options;
      const loop = await this.#loops.ensure(home.routerId, () => RouterLoop.open(home, listen));
      const hold = {};
      loop.use(hold);
      try {
        const options = { source, numbering, loop, clock, lingerMs, report };
        const numbered = await NumberedCopy.open(options);
        numbered.onClosed(release);
        return numbered;
      } finally {
        loop.drop(hold);
      }
    } catch (error) {
      release();
      throw error;
    }
  }

  /** @throws {SluiceError} CAPACITY_EXHAUSTED. */
  #count(routerId: string, name: StreamName): () => void {
    const bounds = [
      [routerId, COPIES_PER_ROUTER_MAX],
      [`${routerId} ${streamKey(name)}`, NUMBERINGS_PER_STREAM_MAX],
    ] as const;
    if (bounds.some(([key, most]) => (this.#counts.get(key) ?? 0) >= most)) {
      throw new SluiceError('CAPACITY_EXHAUSTED', 'too many ways of numbering codecs are in use');
    }
    for (const [key] of bounds) this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    return () => {
      for (const [key] of bounds) {
        const left = (this.#counts.get(key) ?? 1) - 1;
        if (left > 0) this.#counts.set(key, left);
        else this.#counts.delete(key);
      }
    };
  }
}
