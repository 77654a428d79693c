import { expect, test } from 'vitest';
import { SUBJECTS } from './subjects.js';

/** Whether `filter` takes `subject`, as NATS has it: `*` is exactly one token. */
function takes(filter: string, subject: string): boolean {
  const [wanted, given] = [filter.split('.'), subject.split('.')];
  return (
    wanted.length === given.length &&
    wanted.every((token, index) => given[index] !== '' && [given[index], '*'].includes(token))
  );
}

test('each message has a legal subject that those who listen for it take', () => {
  for (const room of ['kitchen', 'a.b', '*', '>', ' ', 'ü💧']) {
    const subject = SUBJECTS.roomFact(room, 'node-1');
    expect(subject).toMatch(/^[\w.-]+$/);
    expect(takes(SUBJECTS.allRoomFacts, subject)).toBe(true);
    expect(takes(SUBJECTS.factsOfRoom(room), subject)).toBe(true);
    expect(takes(SUBJECTS.factsOfRoom(`${room}!`), subject)).toBe(false);
  }
  expect(takes(SUBJECTS.allHeartbeats, SUBJECTS.heartbeat('node-1'))).toBe(true);
  expect(takes(SUBJECTS.allNodeFacts, SUBJECTS.nodeFact('node-1'))).toBe(true);
});

test('what belongs to no room is a fact of its node', () => {
  expect(SUBJECTS.roomFact('', 'node-1')).toBe(SUBJECTS.nodeFact('node-1'));
});
