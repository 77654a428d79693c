import { readFileSync, readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CLIENT_MESSAGE_TYPES } from './client-messages.js';
import { parseClientFrame } from './parse-frame.js';

/** The message of a frame that is one. */
function read(message: unknown): unknown {
  const parsed = parseClientFrame(JSON.stringify(message));
  expect(parsed).toMatchObject({ kind: 'message' });
  return parsed.kind === 'message' ? parsed.message : undefined;
}

function explanationOf(frame: string): string | undefined {
  const parsed = parseClientFrame(frame);
  return parsed.kind === 'mistake' ? parsed.explanation : undefined;
}

const roomName = 'blue';

describe('a client’s frame', () => {
  test('has its defaults filled in, nulls count as absent, unknown fields are left out', () => {
    expect(
      read({ type: 'subscribe-request', roomName, publisherId: 7, purpose: null, more: {} }),
    ).toEqual({
      type: 'subscribe-request',
      id: undefined,
      roomName,
      publisherId: '7',
      purpose: 'm.usermedia',
      connection: undefined,
    });
  });

  test.each([
    { type: 'auth', token: 't' },
    { type: 'resume', resumeToken: 't' },
    { type: 'join-room', roomName, password: 'ignored' },
    { type: 'leave-room', roomName },
    { type: 'publish-offer', roomName, offer: 'v=0', purpose: 'screen' },
    { type: 'publish-ice-candidate', roomName, candidate: 'candidate:1' },
    { type: 'unpublish', roomName },
    { type: 'subscribe-request', roomName, publisherId: 'ann', connection: 'all' },
    { type: 'subscribe-answer', roomName, publisherId: 1, answer: 'v=0' },
    { type: 'subscribe-ice-candidate', roomName, publisherId: 1, candidate: '' },
    { type: 'unsubscribe', roomName, publisherId: 1 },
    { type: 'set-layers', roomName, publisherId: 1, spatial: 1, temporal: 2, paused: false },
    { type: 'restart-ice', roomName },
    { type: 'get-stats', roomName },
    { type: 'offer', roomName, sdp: 'v=0', targetUserId: 1 },
    { type: 'answer', roomName, sdp: 'v=0', targetUserId: 'ann' },
    { type: 'ice-candidate', roomName, candidate: { candidate: 'c' }, targetUserId: 1 },
  ])('of every type is read: $type', (message) => {
    expect(read({ ...message, id: 'x' })).toMatchObject({ type: message.type, id: 'x' });
  });

  test('candidates come as a line, as an object that has it, or as null at their end', () => {
    const lineOf = (candidate: unknown) =>
      (read({ type: 'publish-ice-candidate', roomName, candidate }) as { candidate: string })
        .candidate;
    expect(lineOf('candidate:1')).toBe('candidate:1');
    expect(lineOf({ candidate: 'candidate:1', sdpMid: '0' })).toBe('candidate:1');
    expect(lineOf(null)).toBe('');
  });

  test('tells scalability modes by mid, and only such as there are', () => {
    const modesOf = (scalabilityModes: unknown) =>
      read({ type: 'publish-offer', roomName, offer: 'v=0', scalabilityModes });
    expect(modesOf({ 1: 'L3T3_KEY', 2: 'S2T1' })).toMatchObject({
      scalabilityModes: { 1: 'L3T3_KEY', 2: 'S2T1' },
    });
    expect(modesOf(null)).not.toHaveProperty('scalabilityModes.1');
    const explained = (scalabilityModes: unknown) =>
      explanationOf(
        JSON.stringify({ type: 'publish-offer', roomName, offer: 'v=0', scalabilityModes }),
      );
    const many = Array.from({ length: 65 }, (_, mid) => [`m${mid}`, 'L1T2']);
    const bad: unknown[] = [{ 1: 'L9T9' }, { 1: 3 }, ['L1T2'], 'L1T2', Object.fromEntries(many)];
    bad.push({ ['m'.repeat(17)]: 'L1T2' });
    for (const modes of bad) {
      expect(explained(modes)).toBe('scalabilityModes must be scalability modes by mid');
    }
  });

  test('with a token and no type of ours authenticates', () => {
    expect(read({ token: 't' })).toMatchObject({ type: 'auth', token: 't' });
    expect(read({ type: 'login', token: 't', id: 1 })).toMatchObject({ type: 'auth', id: 1 });
    expect(explanationOf('{"type":"join-room","token":"t"}')).toBe('roomName is missing');
    expect(explanationOf('{"token":7}')).toBe('unknown message type');
  });

  test('that is deep is refused before it is parsed, brackets in texts do not count', () => {
    const deep = `{"type":"auth","token":${'['.repeat(100_000)}`;
    expect(explanationOf(deep)).toBe('frame is nested too deeply');
    const shallow = JSON.stringify({ type: 'auth', token: '[{'.repeat(50) + '\\"[['.repeat(50) });
    expect(parseClientFrame(shallow).kind).toBe('message');
  });

  test('is never thrown at, and what is explained quotes nothing of it', () => {
    const pieces = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .record({ type: fc.constantFrom(...CLIENT_MESSAGE_TYPES), roomName: fc.jsonValue() })
        .map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(pieces, (frame) => {
        const parsed = parseClientFrame(frame);
        if (parsed.kind === 'mistake') expect(parsed.explanation.length).toBeLessThan(80);
      }),
      { numRuns: 2_000 },
    );
    expect(explanationOf('hunter2')).not.toContain('hunter2');
    expect(explanationOf('{"type":"hunter2"}')).not.toContain('hunter2');
    expect(
      explanationOf('{"type":"set-layers","roomName":"r","publisherId":1,"spatial":"hunter2"}'),
    ).toBe('spatial must be a number');
  });
});

test('nothing here needs more than a browser has', () => {
  const folder = new URL('.', import.meta.url);
  const sources = readdirSync(folder).filter((file) => !file.endsWith('.test.ts'));
  expect(sources).toContain('index.ts');
  for (const file of sources) {
    const imports = readFileSync(new URL(file, folder), 'utf8').matchAll(
      /^(import|export)( type)? .*?from '([^']+)'/gms,
    );
    for (const [, , typeOnly, from] of imports) {
      const inBrowser = from === 'zod' || from?.startsWith('./');
      expect(inBrowser || typeOnly !== undefined, `${file} imports ${String(from)}`).toBe(true);
    }
  }
});
