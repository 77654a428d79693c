import { SluiceError } from '@sluice/core';
import { describe, expect, test } from 'vitest';
import { chooseFocus, parseFocus, pulledName, refuseLoop } from './foci.js';

describe('a focus', () => {
  test('is reached by https unless it says otherwise, with a token if it has one', () => {
    expect(parseFocus('sfu.example:8443')).toEqual({
      host: 'sfu.example:8443',
      url: 'https://sfu.example:8443/createSession',
      token: undefined,
    });
    expect(parseFocus('http://:a.b.c@127.0.0.1:9000')).toEqual({
      host: '127.0.0.1:9000',
      url: 'http://127.0.0.1:9000/createSession',
      token: 'a.b.c',
    });
    expect(parseFocus('SFU.example')).toMatchObject({ host: 'sfu.example' });
  });

  test.each(['file:///etc/passwd', 'ftp://a', 'http://', ':::'])('is not %s', (text) => {
    expect(() => parseFocus(text)).toThrow();
  });
});

describe('whom to pull from', () => {
  const policy = { own: ['us.example'], allowed: [parseFocus('them.example')] };

  test('nobody where nothing is said, or where it is us', () => {
    expect(chooseFocus([], policy)).toBeUndefined();
    expect(chooseFocus(['other.example', 'US.example'], policy)).toBeUndefined();
  });

  test('the first that is allowed, and nobody else', () => {
    expect(chooseFocus(['other.example', 'them.example'], policy)?.host).toBe('them.example');
    for (const name of ['169.254.169.254', 'localhost:22', 'them.example:1']) {
      expect(() => chooseFocus([name], policy)).toThrow(SluiceError);
    }
  });

  test('what is pulled is not passed on, by whatever name', () => {
    const named = (room: string) => ({ room, participant: 'anna', purpose: 'camera' });
    for (const room of ['them.example/call', 'THEM.example/a/b', 'us.example/call']) {
      expect(() => refuseLoop(named(room), policy)).toThrow(/^Loop refused: ask /);
    }
    for (const room of ['call', 'them.example', 'them.example:1/call', 'other/them.example/call']) {
      expect(() => refuseLoop(named(room), policy)).not.toThrow();
    }
  });

  test('what is pulled has a name that no call has', () => {
    const name = { room: 'call', participant: 'anna', purpose: 'camera' };
    expect(pulledName(name, parseFocus('them.example'))).toEqual({
      ...name,
      room: 'them.example/call',
    });
  });
});
