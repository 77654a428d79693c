import { beforeEach, expect, test } from 'vitest';
import { Serial } from '@sluice/core';
import { SessionCommands } from './session-commands.js';

let over: boolean;
let done: number;
let turn: Serial;
let commands: SessionCommands;

beforeEach(() => {
  over = false;
  done = 0;
  turn = new Serial();
  commands = new SessionCommands({
    turn,
    waitingMax: 2,
    isOver: () => over,
    onDone: () => (done += 1),
  });
});

test('run one after the other, also with what others do in the same turn', async () => {
  const ran: string[] = [];
  const gate = Promise.withResolvers<undefined>();
  const first = commands.run(async () => {
    await gate.promise;
    ran.push('first');
  });
  const between = commands.between(() => Promise.resolve(ran.push('between')));
  const other = turn.run(() => ran.push('another session'));
  const last = commands.run(() => ran.push('last'));
  gate.resolve(undefined);
  await Promise.all([first, between, other, last]);
  expect(ran).toEqual(['first', 'between', 'another session', 'last']);
});

test('are refused while as many wait as may, and then no more', async () => {
  const gate = Promise.withResolvers<undefined>();
  const waiting = [commands.run(() => gate.promise), commands.run(() => gate.promise)];
  expect(() => commands.admit()).toThrow('too many commands');
  await expect(commands.run(() => undefined)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  gate.resolve(undefined);
  await Promise.all(waiting);
  await expect(commands.run(() => 'taken')).resolves.toBe('taken');
});

test('that waited while the session ended do nothing', async () => {
  const [started, gate] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
  const first = commands.run(() => {
    started.resolve(undefined);
    return gate.promise;
  });
  const second = commands.run(() => expect.unreachable());
  await started.promise;
  over = true;
  gate.resolve(undefined);
  await first;
  await expect(second).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('say when each is done, however it ended, and whether any is left', async () => {
  const failing = commands.run(() => Promise.reject(new Error('broken')));
  expect(commands.idle).toBe(false);
  await expect(failing).rejects.toThrow('broken');
  expect([commands.idle, done]).toEqual([true, 1]);
});
