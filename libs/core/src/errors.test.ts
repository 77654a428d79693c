import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ERRORS, SluiceError, hasCode, notFound } from './errors.js';

test('what is ours stays as it is, all else becomes INTERNAL and tells nothing', () => {
  const own = new SluiceError('RATE_LIMITED', 'slower, please');
  expect(SluiceError.from(own)).toBe(own);
  const foreign = new Error('password is 1234');
  const wrapped = SluiceError.from(foreign);
  expect(wrapped).toMatchObject({ code: 'INTERNAL', message: 'internal error', details: {} });
  expect(wrapped.cause).toBe(foreign);
  expect(SluiceError.from('a string').cause).toBe('a string');
});

test('codes are asked for by name', () => {
  const error = notFound('room', 'kitchen');
  expect(hasCode(error, 'INVALID_STATE', 'NOT_FOUND')).toBe(true);
  expect(hasCode(error, 'INVALID_STATE')).toBe(false);
  expect(hasCode({ code: 'NOT_FOUND' }, 'NOT_FOUND')).toBe(false);
  expect(error).toMatchObject({ details: { noun: 'room', id: 'kitchen' } });
});

test('docs/errors.md has exactly the codes there are, with their mappings', () => {
  const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `(\w+)` +\|(.*)\|$/gm)].map(([, code, cells = '']) => {
    const [grpc, http, ws, retry] = cells.split('|').map((cell) => cell.trim());
    return [code, { grpc: Number(grpc), http: Number(http), ws: Number(ws), retry }];
  });
  expect(Object.fromEntries(rows)).toEqual(ERRORS);
});
