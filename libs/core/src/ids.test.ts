import { expect, test } from 'vitest';
import { ConnectionId, NodeId, RouterId, SessionId } from './ids.js';

test('an id of URL-safe characters is taken as it is', () => {
  const longest = 'x'.repeat(64);
  for (const id of ['a', 'node-1', 'A_b', '0f8fad5b-d9cb-469f-a165-70867728950e', longest]) {
    expect([NodeId(id), SessionId(id), ConnectionId(id), RouterId(id)]).toEqual([id, id, id, id]);
  }
});

test.each(['', 'a.b', 'a b', '*', '>', 'ä', 'a\n', 'x'.repeat(65)])(
  'an id that could not be one subject token is refused: %j',
  (id) => {
    expect(() => NodeId(id)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', details: { noun: 'node' } }) as Error,
    );
  },
);
