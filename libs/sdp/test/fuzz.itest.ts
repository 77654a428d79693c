import { describe, expect, it } from 'vitest';
import {
  answersAreReadOrRefused,
  candidatesAreFineOrRefused,
  offersAreReadOrRefused,
} from '../src/hostile-input.fixture.js';
import { keepsBothInStep } from '../src/renegotiation.fixture.js';
import { twoAgree } from '../src/two-agents.fixture.js';

/** What the unit tests do a little of. */
const OFFERS = 100_000;
const ANSWERS = 30_000;
const CANDIDATES = 100_000;
const SEQUENCES = 5_000;
const TIMEOUT_MS = 900_000;

describe('a hundred thousand broken offers', () => {
  it(
    'are each read, and then fit for mediasoup, or refused by an SdpError',
    () => {
      const { accepted } = offersAreReadOrRefused(OFFERS);
      expect(accepted).toBeGreaterThan(OFFERS / 20);
    },
    TIMEOUT_MS,
  );

  it('and broken answers', () => answersAreReadOrRefused(ANSWERS), TIMEOUT_MS);
  it('and broken candidates', () => candidatesAreFineOrRefused(CANDIDATES), TIMEOUT_MS);
});

describe('thousands of sequences of renegotiations', () => {
  it('keep the m-lines of both sides in step', () => keepsBothInStep(SEQUENCES), TIMEOUT_MS);
  it('and of two that both offer', () => twoAgree(SEQUENCES), TIMEOUT_MS);
});
