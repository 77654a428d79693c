import { EventEmitter } from 'node:events';
import { SIGNALING_LABEL, type SignalingMessage } from '@sluice/protocol';
import { FakeClock } from '@sluice/testing';
import { beforeEach, expect, test } from 'vitest';
import type { DataChannels } from '../data/data-channels.js';
import { SignalingChannel } from './signaling-channel.js';

/** One channel of a client that reads everything, until it does not. */
class FakeChannel extends EventEmitter {
  readonly sent: Record<string, unknown>[] = [];
  reads = true;

  constructor(readonly label = SIGNALING_LABEL) {
    super();
  }

  sendText(text: string): Promise<boolean> {
    if (this.reads) this.sent.push(JSON.parse(text) as Record<string, unknown>);
    return Promise.resolve(this.reads);
  }

  say(text: string): void {
    this.emit('message', { payload: Buffer.from(text) });
  }

  ask(id: string): void {
    const asked = { event: 'unsubscribe', call_id: 'c', device_id: 'd', purpose: 'p', id };
    this.say(JSON.stringify(asked));
  }
}

class FakeChannels extends EventEmitter {
  connected = false;
  readonly ours = new FakeChannel();
  opened = 0;

  openChannel(): Promise<FakeChannel> {
    this.opened += 1;
    return Promise.resolve(this.ours);
  }
}

let clock: FakeClock;
let channels: FakeChannels;
let heard: string[];
let gone: string[];
let signaling: SignalingChannel;

beforeEach(() => {
  clock = new FakeClock();
  channels = new FakeChannels();
  heard = [];
  gone = [];
  signaling = new SignalingChannel(channels as unknown as DataChannels, {
    clock,
    onMessage: ({ id }: SignalingMessage) => heard.push(id),
    onGone: (reason) => gone.push(reason),
  });
});

function theirs(label?: string): FakeChannel {
  const channel = new FakeChannel(label);
  channels.emit('opened', channel);
  return channel;
}

test('is opened by us where the client does not do so in time', async () => {
  channels.emit('connected');
  expect(signaling.open).toBe(false);
  clock.elapse(300);
  await Promise.resolve();
  expect([channels.opened, signaling.open]).toEqual([1, true]);
  channels.ours.ask('1');
  expect(heard).toEqual(['1']);
});

test('is the client’s own where it opens one, and none of another name', () => {
  channels.emit('connected');
  theirs('chat').ask('0');
  const own = theirs();
  clock.elapse(300);
  own.ask('1');
  expect([channels.opened, heard]).toEqual([0, ['1']]);
});

test('is the one of two on which the client speaks first', async () => {
  const [one, other] = [theirs(), theirs()];
  await signaling.sendError('to whoever opened last');
  one.ask('1');
  other.ask('2');
  await signaling.sendError('to who speaks');
  expect(heard).toEqual(['1']);
  expect([one, other].map(({ sent }) => sent.map(({ message }) => message))).toEqual([
    ['to who speaks'],
    ['to whoever opened last'],
  ]);
});

test('says what is wrong with a message, and once that there are too many', () => {
  const channel = theirs();
  channel.say('no message');
  expect(channel.sent).toHaveLength(1);
  for (let index = 0; index < 500; index += 1) channel.ask(String(index));
  expect(heard).toHaveLength(199);
  expect(channel.sent.at(-1)?.['message']).toContain('Server over capacity');
  expect(channel.sent).toHaveLength(2);
  clock.elapse(1_000);
  channel.ask('later');
  expect(heard.at(-1)).toBe('later');
});

test('is gone where the client does not read what it is sent', async () => {
  theirs().reads = false;
  await signaling.sendError('unheard');
  expect(gone).toEqual(['the signaling channel is gone']);
});

test('neither says nor hears anything once it is closed', async () => {
  const channel = theirs();
  signaling.close();
  channel.ask('late');
  await signaling.sendError('late');
  expect([signaling.open, heard, channel.sent]).toEqual([false, [], []]);
});
