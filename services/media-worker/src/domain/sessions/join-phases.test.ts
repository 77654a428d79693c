import { expect, test } from 'vitest';
import { Establishment } from './join-phases.js';

function observed() {
  const phases: string[] = [];
  const establishment = new Establishment((phase, durationMs) => {
    phases.push(`${phase} ${String(durationMs)}`);
  });
  return { phases, establishment };
}

test('ICE counts from both descriptions, DTLS from ICE', () => {
  const { phases, establishment } = observed();
  establishment.described(100);
  establishment.iceConnected(130);
  establishment.dtlsConnected(180);
  expect(phases).toEqual(['ice 30', 'dtls 50']);
});

test('a client whose checks came before its answer needed no time for ICE', () => {
  const { phases, establishment } = observed();
  establishment.iceConnected(90);
  establishment.described(100);
  establishment.dtlsConnected(140);
  expect(phases).toEqual(['ice 0', 'dtls 40']);
});

test('ICE that is restarted and keys that are renewed are no join', () => {
  const { phases, establishment } = observed();
  establishment.described(0);
  establishment.iceConnected(10);
  establishment.dtlsConnected(20);
  establishment.iceConnected(5_000);
  establishment.dtlsConnected(5_010);
  expect(phases).toEqual(['ice 10', 'dtls 10']);
});
