import { describe, it } from 'vitest';
import { keepsBothInStep } from './renegotiation.fixture.js';
import { twoAgree } from './two-agents.fixture.js';

/** Some of what test/fuzz.itest.ts does at length. */
const RUNS = 300;

describe('any sequence of renegotiations', () => {
  it('keeps the m-lines of both sides in step', () => keepsBothInStep(RUNS), 60_000);
  it('ends with two that agree, where both offer', () => twoAgree(RUNS), 60_000);
});
