import type { StreamName } from '@sluice/core';
import { eventually } from '@sluice/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Sealer } from '../src/domain/data/data-seal.js';
import { DataOutlet } from '../src/domain/data/data-track.js';
import { PPID, type ChannelParameters } from '../src/domain/data/dcep.js';
import type { StreamCopy } from '../src/domain/streams/stream-copy.js';
import {
  FakeDirectory,
  countOn,
  publish,
  startNode,
  type TestNode,
} from './relay-nodes.fixture.js';

const CHAT: StreamName = { room: 'r', participant: 'ann', purpose: 'chat' };
const TIMES = { lingerMs: 200, pipeLingerMs: 200, pauseDelayMs: 50 };
const RELIABLE = { label: 'chat', protocol: '', ordered: true };
const GAME = { label: 'game', protocol: 'v1', ordered: false, maxRetransmits: 0 };

let directory: FakeDirectory;
let stops: (() => Promise<void> | void)[];

beforeEach(() => {
  directory = new FakeDirectory();
  stops = [];
});

afterEach(async () => {
  for (const stop of stops.reverse()) await stop();
});

async function aNode(nodeId: string): Promise<TestNode> {
  const node = await startNode({ nodeId, directory, times: TIMES });
  stops.push(() => node.stop());
  return node;
}

/** One channel at its origin. */
class Origin {
  private constructor(
    readonly copy: StreamCopy,
    private readonly outlet: DataOutlet,
    private readonly sealed: Awaited<ReturnType<DataOutlet['produce']>>,
    private readonly sealer: Sealer,
  ) {}

  static async on(node: TestNode, parameters: ChannelParameters): Promise<Origin> {
    const copy = publish(node, node.core(), CHAT, {});
    directory.place(CHAT, node.refOf(node.core()), 1);
    const outlet = await DataOutlet.open(node.core());
    stops.push(() => outlet.close());
    const producer = await outlet.produce();
    const sealer = new Sealer();
    const sealed = () => Promise.resolve({ producer, key: sealer.key });
    copy.putData({ trackId: 'data', parameters, producer: outlet.producer, sealed });
    return new Origin(copy, outlet, producer, sealer);
  }

  say(text: string): void {
    this.outlet.send({ ppid: PPID.text, payload: Buffer.from(text) });
    this.sealed.send(this.seal(text), PPID.binary);
  }

  /** A message that goes nowhere, or later. */
  seal(text: string): Buffer {
    return this.sealer.seal({ ppid: PPID.text, payload: Buffer.from(text) });
  }

  send(sealed: Buffer): void {
    this.sealed.send(sealed, PPID.binary);
  }
}

/** All that is heard of a copy, whichever producer brings it, and how many there were. */
class Ear {
  readonly heard: string[] = [];
  producers = 0;
  #known: unknown;

  constructor(
    private readonly copy: StreamCopy,
    private readonly outlet: DataOutlet,
  ) {
    copy.watch(this, true);
    copy.on('tracksChanged', () => void this.#listen());
  }

  static async at(copy: StreamCopy): Promise<Ear> {
    const outlet = await DataOutlet.open(copy.router);
    stops.push(() => outlet.close());
    const ear = new Ear(copy, outlet);
    await ear.#listen();
    return ear;
  }

  leave(): void {
    this.copy.unwatch(this);
    this.outlet.close();
  }

  async hears(texts: readonly string[]): Promise<void> {
    await eventually(() => {
      const heard = this.heard.join();
      return heard === texts.join() ? undefined : `heard ${heard}`;
    });
  }

  async #listen(): Promise<void> {
    const producer = this.copy.data.get('data')?.producer;
    if (!producer || producer === this.#known) return;
    this.#known = producer;
    this.producers += 1;
    const { router } = this.copy.router;
    const direct = await router.createDirectTransport();
    stops.push(() => direct.close());
    const consumer = await direct.consumeData({
      dataProducerId: producer.id,
      subchannels: [1, 2, 3, 4],
    });
    consumer.on('message', (payload) => this.heard.push(payload.toString()));
  }
}

async function ensured(node: TestNode): Promise<StreamCopy> {
  const copy = await node.relays.ensure(node.core().routerId, CHAT);
  const hold = {};
  copy.watch(hold, false);
  await eventually(() => (copy.data.size > 0 ? undefined : 'there is no data track'));
  stops.push(() => copy.unwatch(hold));
  return copy;
}

describe('data between nodes', () => {
  it('arrives as it was sent, once and in order, and is not to be read on the way', async () => {
    const [a, b] = [await aNode('a'), await aNode('b')];
    const origin = await Origin.on(a, RELIABLE);
    const copy = await ensured(b);
    expect(copy.data.get('data')?.parameters).toEqual(RELIABLE);
    const ear = await Ear.at(copy);
    const texts = Array.from({ length: 50 }, (_, index) => `line ${String(index)}`);
    for (const text of texts) origin.say(text);
    await ear.hears(texts);
    const again = origin.seal('once');
    origin.send(again);
    origin.send(again);
    origin.send(Buffer.alloc(again.length, 1));
    await ear.hears([...texts, 'once']);
    expect(ear.producers).toBe(1);
    expect(again.includes('once')).toBe(false);
  });

  it('comes on another channel when some of it is lost for good, where none may be', async () => {
    const [a, b] = [await aNode('a'), await aNode('b')];
    const origin = await Origin.on(a, RELIABLE);
    const ear = await Ear.at(await ensured(b));
    origin.say('one');
    await ear.hears(['one']);
    const late = origin.seal('two');
    origin.say('three');
    origin.send(late);
    await ear.hears(['one', 'two', 'three']);
    expect(ear.producers).toBe(1);
    origin.seal('lost');
    origin.say('five');
    await eventually(() => (ear.producers === 2 ? undefined : 'the channel goes on'));
    origin.say('six');
    await eventually(() => (ear.heard.at(-1) === 'six' ? undefined : ear.heard.join()));
  });

  it('goes on where some of it may be lost', async () => {
    const [a, b] = [await aNode('a'), await aNode('b')];
    const origin = await Origin.on(a, GAME);
    const copy = await ensured(b);
    expect(copy.data.get('data')?.parameters).toMatchObject(GAME);
    const ear = await Ear.at(copy);
    await eventually(() => {
      origin.say('now');
      return ear.heard.length > 0 ? undefined : 'nothing is heard';
    });
    origin.seal('lost');
    const before = ear.heard.length;
    origin.say('later');
    await eventually(() => (ear.heard.length > before ? undefined : 'nothing more'));
    expect(ear.producers).toBe(1);
  });

  it('leaves nothing behind', async () => {
    const [a, b] = [await aNode('a'), await aNode('b')];
    await Origin.on(a, RELIABLE);
    const copy = await b.relays.ensure(b.core().routerId, CHAT);
    await eventually(() => (copy.closed ? undefined : 'the copy is open'));
    await eventually(async () => {
      const { transports } = await countOn(b.core());
      return transports === 0 ? undefined : `${String(transports)} transports are open`;
    });
  });
});
