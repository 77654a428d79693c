import { expect, test } from 'vitest';
import { readFragment, readStored, takeInvitation } from './invitation.js';

const TOKEN = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln-_';

function aPage(hash: string) {
  const stored = new Map<string, string>();
  const shown: string[] = [];
  return {
    stored,
    shown,
    location: { hash, pathname: '/prefix/', search: '?x=1' } as Location,
    history: {
      replaceState: (_state: unknown, _title: string, url: string) => void shown.push(url),
    } as unknown as History,
    sessionStorage: {
      getItem: (key: string) => stored.get(key) ?? null,
      setItem: (key: string, value: string) => void stored.set(key, value),
    } as Storage,
  };
}

test('a link fills in token, room and name, decoded', () => {
  expect(readFragment(`#token=${TOKEN}&room=caf%C3%A9%20%231&name=%E2%9C%93+you`)).toEqual({
    token: TOKEN,
    room: 'café #1',
    name: '✓ you',
  });
});

test.each(['', '#', '#main', '#token=', '#other=1', `#token=${'x'.repeat(9_000)}`])(
  'a fragment that invites nobody is left alone: %.20s',
  (fragment) => {
    expect(readFragment(fragment)).toBeUndefined();
  },
);

test('the token leaves the address bar and stays in the tab', () => {
  const page = aPage(`#token=${TOKEN}&room=demo`);
  expect(takeInvitation(page)).toEqual({ token: TOKEN, room: 'demo' });
  expect(page.shown).toEqual(['/prefix/?x=1']);

  const reloaded = aPage('');
  reloaded.stored.set(...([...page.stored][0] as [string, string]));
  expect(takeInvitation(reloaded)).toEqual({ token: TOKEN, room: 'demo' });
  expect(reloaded.shown).toEqual([]);
});

test.each([null, '', 'nonsense', '7', 'null', '{"token":1,"admin":"x"}'])(
  'what is stored and no invitation counts as nothing: %j',
  (text) => {
    expect(readStored(text)).toEqual({});
  },
);
