import { describe, expect, it } from 'vitest';
import { SluiceError } from '@sluice/core';
import type { PlanRelayResponse } from '@sluice/proto-gen/stream_directory';
import { planRelay, type EpochOver } from './relay-planning.js';

const NAME = { room: 'r', participant: 'p', purpose: 's' };
const to = { nodeId: 'b', bootId: 'b1', routerId: 'rb', grpcAddress: 'b:1' };
const parent = { nodeId: 'a', bootId: 'a1', routerId: 'ra', grpcAddress: 'a:1' };
const plan: PlanRelayResponse = { parent, epoch: 3, depth: 1, ticket: 't', sameNode: false };

const planWith = (answer: PlanRelayResponse | SluiceError, over?: EpochOver) =>
  planRelay(
    {
      planRelay: () =>
        answer instanceof SluiceError ? Promise.reject(answer) : Promise.resolve(answer),
    },
    { name: NAME, to, excluded: [] },
    over,
  );

describe('a plan', () => {
  it('names the parent, the epoch and the ticket', async () => {
    expect(await planWith(plan)).toEqual({ parent, epoch: 3, ticket: 't' });
  });

  it('says when the stream has its origin on the router that asks', async () => {
    expect(await planWith({ ...plan, parent: to })).toBe('here');
    expect(await planWith(new SluiceError('INVALID_STATE', 'origin'))).toBe('here');
  });

  it('is outdated when the parent said that this epoch ended', async () => {
    const over = { epoch: 3, reason: 'stream ended' };
    expect(await planWith(plan, over)).toMatchObject({ code: 'NOT_FOUND' });
    expect(await planWith({ ...plan, epoch: 4 }, over)).toMatchObject({ epoch: 4 });
  });

  it('is outdated, and worth another try, when the parent said that the stream moved', async () => {
    const over = { epoch: 3, reason: 'moved' };
    expect(await planWith(plan, over)).toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('of the same epoch is good when only the way there was lost', async () => {
    expect(await planWith(plan, { epoch: 3, reason: 'relay lost' })).toMatchObject({ epoch: 3 });
  });

  it("keeps the directory's own code", async () => {
    const full = new SluiceError('CAPACITY_EXHAUSTED', 'full');
    expect(await planWith(full)).toBe(full);
  });
});
