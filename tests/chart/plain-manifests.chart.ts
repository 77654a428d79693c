import { expect, test } from 'vitest';
import { checkPlainManifests } from './rendered-chart.js';

test('k8s/ is what the chart makes', () => {
  expect(() => {
    checkPlainManifests();
  }).not.toThrow();
});
