import { expect, test } from 'vitest';
import { explainProblem } from './device-problem.js';

const named = (name: string) => Object.assign(new Error('details'), { name });

test('a refused camera says where to allow it', () => {
  expect(explainProblem('camera', named('NotAllowedError'))).toContain('address bar');
});

test('a screen that the user decided not to share is no problem', () => {
  expect(explainProblem('screen', named('NotAllowedError'))).toBeUndefined();
  expect(explainProblem('screen', named('NotReadableError'))).toContain('screen');
});

test('an unknown failure still names the device', () => {
  expect(explainProblem('microphone', named('StrangeError'))).toContain('microphone');
  expect(explainProblem('microphone', 'text')).toContain('microphone');
});
