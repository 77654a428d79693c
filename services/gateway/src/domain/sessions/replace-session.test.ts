import { expect, test } from 'vitest';
import { SluiceError } from '@sluice/core';
import { FakeClock } from '@sluice/testing';
import { grantsOf } from '@sluice/tokens';
import type { SessionPorts } from './open-session.js';
import type { MediaNode } from '../ports.js';
import { replaceSession } from './replace-session.js';

const grants = grantsOf(['publish', 'subscribe']);
const identity = { subject: 'ann', name: 'Ann', room: '*', grants, expiresAtS: 1 };
const owner = { connectionId: 'c', identity, room: 'r', replacesSessionId: 'old' };

/** A cluster whose directory says `answer` each time that it is asked for a place. */
function aCluster(answer: (attempt: number, excluded: readonly string[]) => string) {
  const clock = new FakeClock();
  const asked: { readonly atMs: number; readonly excluded: readonly string[] }[] = [];
  const opened: (string | undefined)[] = [];
  const node = {
    openSession: ({ replacesSessionId }: { replacesSessionId: string | undefined }) => {
      opened.push(replacesSessionId);
      return Promise.resolve();
    },
  } as unknown as MediaNode;
  const directory = {
    placeSession: (_room: string, _participant: string, excluded: readonly string[]) => {
      asked.push({ atMs: clock.nowMs(), excluded });
      const nodeId = answer(asked.length, excluded);
      if (nodeId === '') {
        return Promise.reject(new SluiceError('CAPACITY_EXHAUSTED', 'no node may take it'));
      }
      return Promise.resolve({ nodeId, bootId: 'b', routerId: 'r', grpcAddress: 'h:1' });
    },
  };
  const ports = {
    directory,
    nodes: { at: () => node },
    clock,
    observer: { trouble: () => undefined, requestHandled: () => undefined },
    newId: () => 'new',
    roomsNeedCreator: false,
  } as unknown as SessionPorts;
  /** Lets time pass until the task is over. */
  const settle = async <T>(task: Promise<T>): Promise<T> => {
    const state = { over: false };
    const done = () => {
      state.over = true;
    };
    task.then(done, done);
    for (let step = 0; !state.over && step < 10_000; step += 1) {
      await new Promise(setImmediate);
      clock.elapse(50);
    }
    return task;
  };
  return { ports, asked, opened, settle };
}

const patient = { leftNodeId: 'a', patienceMs: 5_000, isOver: () => false };

test('the node that is left is not chosen again while there is another', async () => {
  const { ports, asked, opened, settle } = aCluster(() => 'b');
  const session = await settle(replaceSession(owner, patient, ports));
  expect(session.home.nodeId).toBe('b');
  expect(asked.map(({ excluded }) => excluded)).toEqual([['a']]);
  expect(opened).toEqual(['old']);
});

test('where it is the only one, it is chosen again', async () => {
  const { ports, settle } = aCluster((_, excluded) => (excluded.includes('a') ? '' : 'a'));
  expect((await settle(replaceSession(owner, patient, ports))).home.nodeId).toBe('a');
});

test('a place is looked for ever less often, and no longer than there is patience', async () => {
  const { ports, asked, settle } = aCluster(() => '');
  await expect(settle(replaceSession(owner, patient, ports))).rejects.toThrow(
    'no node may take it',
  );
  const moments = [...new Set(asked.map(({ atMs }) => atMs))];
  const pauses = moments.slice(1).map((atMs, index) => atMs - (moments[index] ?? 0));
  expect(pauses.length).toBeGreaterThan(2);
  expect(pauses).toEqual(pauses.toSorted((a, b) => a - b));
  expect(moments.at(-1)).toBeLessThanOrEqual(5_000);
});

test('it ends when nobody needs it any more', async () => {
  const { ports, asked, settle } = aCluster(() => '');
  const over = { ...patient, isOver: () => asked.length >= 4 };
  await expect(settle(replaceSession(owner, over, ports))).rejects.toThrow();
  expect(asked).toHaveLength(4);
});
