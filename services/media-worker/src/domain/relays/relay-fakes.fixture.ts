import { EventEmitter } from 'node:events';
import type { Consumer, PipeTransport, Producer, Router, WebRtcServer } from 'mediasoup/types';
import { Resource } from '@sluice/core';
import { FakeClock } from '@sluice/testing';
import type { RouterRef } from '@sluice/proto-gen/common';
import type { HomeRouter } from '../routers/home-router.js';
import { Pipe } from '../pipes/pipe.js';
import { StreamCopy } from '../streams/stream-copy.js';

/** Stand-ins for mediasoup's objects: they keep its rules of closing and pausing, and no media. */

export class FakeProducer {
  static #count = 0;
  readonly id = `producer-${String((FakeProducer.#count += 1))}`;
  readonly observer = new EventEmitter();
  readonly rtpParameters = { codecs: [{ mimeType: 'video/VP8' }] };
  /** As of a producer that has had packets. */
  readonly score = [{ score: 10 }];
  closed = false;
  paused: boolean;

  constructor(
    readonly kind: 'audio' | 'video' = 'video',
    paused = false,
  ) {
    this.paused = paused;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.observer.emit('close');
  }

  async pause(): Promise<void> {
    await Promise.resolve();
    this.#set(true);
  }

  async resume(): Promise<void> {
    await Promise.resolve();
    this.#set(false);
  }

  asProducer(): Producer {
    return this as unknown as Producer;
  }

  #set(paused: boolean): void {
    if (this.closed) throw new Error('closed');
    if (this.paused === paused) return;
    this.paused = paused;
    this.observer.emit(paused ? 'pause' : 'resume');
  }
}

/** Turns of the event loop that the worker's word takes. */
const NOTICE_TURNS = 10;

/** The worker closes it with its producer, and it hears of that later. */
export class FakeConsumer {
  closed = false;
  paused = false;

  constructor(
    readonly producer: FakeProducer,
    readonly rtpParameters: { readonly ssrc: number },
  ) {
    producer.observer.once('close', () => void this.#hearOfEnd());
  }

  close(): void {
    if (!this.closed) this.#ask();
    this.closed = true;
  }

  transportClosed(): void {
    this.closed = true;
  }

  async pause(): Promise<void> {
    await Promise.resolve();
    this.#ask();
    this.paused = true;
  }

  async resume(): Promise<void> {
    await Promise.resolve();
    this.#ask();
    this.paused = false;
  }

  async #hearOfEnd(): Promise<void> {
    for (let turn = 0; turn < NOTICE_TURNS; turn += 1) await Promise.resolve();
    this.closed = true;
  }

  #ask(): void {
    if (this.closed || this.producer.closed) throw new Error('Consumer not found');
  }
}

export class FakePipeTransport {
  readonly observer = new EventEmitter();
  readonly consumers: FakeConsumer[] = [];
  readonly producers: FakeProducer[] = [];
  /** Where `consume()` finds its producers. */
  readonly known = new Map<string, FakeProducer>();
  closed = false;
  #ssrc = 0;

  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const consumer of this.consumers) consumer.transportClosed();
    for (const producer of this.producers) producer.close();
    this.observer.emit('close');
  }

  async consume({ producerId }: { readonly producerId: string }): Promise<Consumer> {
    await Promise.resolve();
    const producer = this.known.get(producerId);
    if (this.closed || !producer || producer.closed) throw new Error('no such producer');
    const consumer = new FakeConsumer(producer, { ssrc: (this.#ssrc += 1) });
    this.consumers.push(consumer);
    return consumer as unknown as Consumer;
  }

  async produce(options: {
    readonly kind: 'audio' | 'video';
    readonly paused?: boolean;
  }): Promise<Producer> {
    await Promise.resolve();
    if (this.closed) throw new Error('closed');
    const producer = new FakeProducer(options.kind, options.paused);
    this.producers.push(producer);
    return producer.asProducer();
  }

  asTransport(): PipeTransport {
    return this as unknown as PipeTransport;
  }
}

export class FakeHomeRouter extends Resource implements HomeRouter {
  readonly index = 0;
  /** Nothing under test reaches so far. */
  readonly router = undefined as unknown as Router;
  readonly mediaCodecs = [];
  readonly webRtcServer = undefined as unknown as WebRtcServer;

  constructor(readonly routerId = 'router-here') {
    super();
  }
}

export const FAR: RouterRef = {
  nodeId: 'far',
  bootId: 'far-boot',
  routerId: 'router-far',
  grpcAddress: 'far:1',
};

export const NAME = { room: 'r', participant: 'p', purpose: 's' };

export function aCopy(router: HomeRouter = new FakeHomeRouter(), path = ['here']): StreamCopy {
  return new StreamCopy(NAME, 1, router, path);
}

export function aPipe(
  transport = new FakePipeTransport(),
  options: {
    readonly lingerMs?: number;
    readonly clock?: FakeClock;
    readonly far?: RouterRef;
  } = {},
): Pipe {
  const { lingerMs, clock = new FakeClock(), far = FAR } = options;
  return new Pipe({
    pipeId: 'pipe',
    router: new FakeHomeRouter(),
    far,
    transport: transport.asTransport(),
    clock,
    lingerMs,
  });
}

/** Lets everything that only waits for promises go on. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}
