import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { SluiceError } from '@sluice/core';
import { nextRelayStep, type RelayHistory, type RelayOutcome } from './relay-retry.js';

const aHistory = (history: Partial<RelayHistory> = {}): RelayHistory => ({
  established: true,
  failures: 0,
  excluded: [],
  comesBack: false,
  ...history,
});
const lost = (
  code: 'UNAVAILABLE' | 'STALE_EPOCH' | 'NOT_FOUND',
  noun = 'stream',
): RelayOutcome => ({
  kind: 'lost',
  parentRouterId: 'p1',
  error: new SluiceError(code, 'broke', { noun }),
});
const notPlanned = (code: 'UNAVAILABLE' | 'NOT_FOUND'): RelayOutcome => ({
  kind: 'not planned',
  error: new SluiceError(code, 'no'),
});
const ended = (reason: string): RelayOutcome => ({ kind: 'ended', parentRouterId: 'p1', reason });

describe('after a try that ended', () => {
  it('an edge that worked plans again at once, without the parent that failed', () => {
    const step = nextRelayStep(lost('UNAVAILABLE'), aHistory({ excluded: ['p0'] }));
    expect(step).toEqual({ kind: 'retry', delayMs: 0, excluded: ['p0', 'p1'] });
  });

  it('the delay grows with each failure up to a bound', () => {
    const delays = [0, 1, 2, 3, 6].map((failures) => {
      const step = nextRelayStep(lost('UNAVAILABLE'), aHistory({ failures }));
      return step.kind === 'retry' ? step.delayMs : undefined;
    });
    expect(delays).toEqual([0, 100, 200, 250, 250]);
  });

  it.each([
    ['stale epoch', lost('STALE_EPOCH')],
    ['pipe that is gone', lost('NOT_FOUND', 'pipe')],
    ['stream that ended there', ended('stream ended')],
    ['stream that moved', ended('moved')],
  ])('a parent is no worse for a %s', (_what, outcome) => {
    expect(nextRelayStep(outcome, aHistory())).toMatchObject({ kind: 'retry', excluded: [] });
  });

  it.each(['relay lost', 'stopping', 'something new'])(
    'a parent that ends with "%s" is not asked again',
    (reason) => {
      expect(nextRelayStep(ended(reason), aHistory())).toMatchObject({ excluded: ['p1'] });
    },
  );

  it('with nobody left to ask, those that failed may be asked again', () => {
    const history = aHistory({ excluded: ['p0', 'p1'], failures: 2 });
    expect(nextRelayStep(notPlanned('UNAVAILABLE'), history)).toMatchObject({ excluded: [] });
  });

  it('a stream that nobody publishes is given up at once by who asks first', () => {
    const step = nextRelayStep(notPlanned('NOT_FOUND'), aHistory({ established: false }));
    expect(step).toMatchObject({ kind: 'give up', error: { code: 'NOT_FOUND' } });
  });

  it('a name that was known may be between two holders for a moment', () => {
    const first = nextRelayStep(notPlanned('NOT_FOUND'), aHistory());
    expect(first).toMatchObject({ kind: 'retry' });
    const last = nextRelayStep(notPlanned('NOT_FOUND'), aHistory({ failures: 2 }));
    expect(last).toMatchObject({ kind: 'give up', reason: 'stream ended' });
  });

  it('a stream whose way was lost is looked for until its publisher had time to come back', () => {
    const history = aHistory({ comesBack: true, failures: 20 });
    expect(nextRelayStep(notPlanned('NOT_FOUND'), history)).toMatchObject({ kind: 'retry' });
    const last = aHistory({ comesBack: true, failures: 24 });
    expect(nextRelayStep(notPlanned('NOT_FOUND'), last)).toMatchObject({ kind: 'give up' });
  });

  it('who gives up says whether the stream ended or only the way to it', () => {
    const last = aHistory({ failures: 23 });
    expect(nextRelayStep(lost('NOT_FOUND'), last)).toMatchObject({ reason: 'stream ended' });
    for (const noun of ['pipe', 'router']) {
      expect(nextRelayStep(lost('NOT_FOUND', noun), last)).toMatchObject({
        reason: 'relay lost',
        error: { code: 'UNAVAILABLE' },
      });
    }
    expect(nextRelayStep(ended('stopping'), last)).toMatchObject({ reason: 'relay lost' });
  });

  it('whatever happens, it ends', () => {
    const outcomes = fc.constantFrom(
      lost('UNAVAILABLE'),
      lost('STALE_EPOCH'),
      notPlanned('UNAVAILABLE'),
      notPlanned('NOT_FOUND'),
      ended('moved'),
      ended('relay lost'),
    );
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.boolean(),
        fc.infiniteStream(outcomes),
        (established, comesBack, stream) => {
          let history = aHistory({ established, comesBack });
          for (const outcome of stream) {
            const step = nextRelayStep(outcome, history);
            if (step.kind === 'give up') return;
            history = { ...history, failures: history.failures + 1, excluded: step.excluded };
            expect(history.failures).toBeLessThan(30);
          }
        },
      ),
    );
  });
});
