import { expect, test } from 'vitest';
import { SluiceError, notFound } from '@sluice/core';
import type { HomeRouter } from '../routers/home-router.js';
import type { Focus } from './foci.js';
import { PulledStreams, type PulledStreamsContext } from './pulled-streams.js';

const focus = (host: string): Focus => ({
  host,
  url: `https://${host}/createSession`,
  token: undefined,
});
const HOME = { routerId: 'home' } as HomeRouter;

/** Whose servers never answer. */
function pulls() {
  const dialled: string[] = [];
  const source = { ensure: () => Promise.reject(notFound('stream', 'x')) };
  const context = {
    policy: { own: [], allowed: [focus('slow.example'), focus('other.example')] },
    environment: { source },
    open: (_: HomeRouter, { host }: Focus) => {
      dialled.push(host);
      return new Promise<never>(() => undefined);
    },
  };
  return { pulled: new PulledStreams(context as unknown as PulledStreamsContext), dialled };
}

test('a server that is long in answering keeps nobody from pulling from another one', async () => {
  const { pulled, dialled } = pulls();
  const refused: unknown[] = [];
  const want = (host: string, participant: string) =>
    pulled
      .ensure(HOME, { room: 'call', participant, purpose: 'camera' }, [host])
      .catch((error: unknown) => refused.push(error));
  for (let index = 0; index < 20; index += 1) void want('slow.example', `anna-${String(index)}`);
  await new Promise((resolve) => setImmediate(resolve));
  expect(dialled).toHaveLength(8);
  expect(refused).toHaveLength(12);
  expect(refused[0]).toBeInstanceOf(SluiceError);
  expect(refused[0]).toMatchObject({ code: 'CAPACITY_EXHAUSTED' });

  void want('other.example', 'ben');
  // Again the same one: it is dialled already.
  void want('slow.example', 'anna-0');
  await new Promise((resolve) => setImmediate(resolve));
  expect(dialled.slice(8)).toEqual(['other.example']);
  expect(refused).toHaveLength(12);
});
