import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  COMMON_VARIABLES,
  ConfigurationError,
  hostPort,
  isLoopback,
  port,
  readEnvironment,
  secret,
} from './configuration.js';

const schema = z.object({
  ADDRESS: hostPort(),
  PORT: port().default(7_000),
  SECRET: secret(),
  MODE: z.enum(['one', 'two']).default('one'),
  ON: z.stringbool().default(false),
  NAME: z.string(),
});

const GOOD = { ADDRESS: '127.0.0.1:0', SECRET: 's'.repeat(32), NAME: 'n' };

function mistakesOf(environment: Record<string, string>): string {
  try {
    readEnvironment(schema, environment);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as Error).message;
  }
  throw new Error('it was accepted');
}

describe('an environment', () => {
  test('is read with its defaults, and an empty variable counts as not set', () => {
    expect(readEnvironment(schema, { ...GOOD, PORT: '', MODE: '', UNKNOWN: 'x' })).toEqual({
      ...GOOD,
      PORT: 7_000,
      MODE: 'one',
      ON: false,
    });
    expect(readEnvironment(schema, { ...GOOD, PORT: '0', ON: 'false' })).toMatchObject({
      PORT: 0,
      ON: false,
    });
  });

  test('that is wrong is told all its mistakes at once, by name and never by value', () => {
    const text = mistakesOf({
      ADDRESS: 'hunter2',
      PORT: 'hunter2',
      SECRET: 'hunter2',
      MODE: 'hunter2',
      ON: 'hunter2',
    });
    expect(text.split('\n')).toEqual([
      'invalid configuration:',
      '  ADDRESS: must be host:port',
      '  PORT: must be a number',
      '  SECRET: needs at least 32 characters',
      '  MODE: must be one of one, two',
      '  ON: must be one of true, 1, yes, on, y, enabled, false, 0, no, off, n, disabled',
      '  NAME: is required',
    ]);
  });

  test.each([
    ['PORT', '70000', 'PORT: must be at most 65535'],
    ['PORT', '-1', 'PORT: must be at least 0'],
    ['PORT', '1.5', 'PORT: must be a whole number'],
    ['ADDRESS', 'host:70000', 'ADDRESS: must be host:port'],
    ['ADDRESS', '::1:80', 'ADDRESS: must be host:port'],
    ['ADDRESS', ':80', 'ADDRESS: must be host:port'],
  ])('%s=%s is refused', (name, value, mistake) => {
    expect(mistakesOf({ ...GOOD, [name]: value })).toContain(mistake);
  });

  test.each(['[::1]:80', 'directory.media.svc:7000', '0.0.0.0:0'])('%s is an address', (value) => {
    expect(readEnvironment(schema, { ...GOOD, ADDRESS: value }).ADDRESS).toBe(value);
  });

  test('every common variable says what it is for', () => {
    for (const [name, variable] of Object.entries(COMMON_VARIABLES)) {
      expect(name).toMatch(/^SLUICE_[A-Z_]+$/);
      expect(variable.description).toMatch(/\.$/);
    }
  });
});

describe('an address', () => {
  test.each([
    ['127.0.0.1:80', true],
    ['127.8.7.6:80', true],
    ['localhost:80', true],
    ['[::1]:80', true],
    ['0.0.0.0:80', false],
    ['127.0.0.1.example.com:80', false],
    ['localhost.example.com:80', false],
    ['10.0.0.1:80', false],
  ])('%s is loopback: %s', (address, loopback) => {
    expect(isLoopback(address)).toBe(loopback);
  });
});
