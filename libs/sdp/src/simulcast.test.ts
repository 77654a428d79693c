import { describe, expect, it } from 'vitest';
import { aDescription } from './fixtures.js';
import { DEFAULT_SDP_LIMITS } from './limits.js';
import { parseSessionDescription } from './session-description.js';
import { readLayers, type Layer } from './simulcast.js';

function layersOf(...lines: readonly string[]): Layer[] {
  const sdp = aDescription([{ mid: '0', kind: 'video', lines }]);
  const section = parseSessionDescription(sdp, DEFAULT_SDP_LIMITS).sections[0];
  return section ? readLayers(section, 96) : [];
}

function rids(...lines: readonly string[]): string[] {
  return layersOf(...lines).map(({ rid }) => rid);
}

describe('simulcast by rid', () => {
  it('keeps the order that nothing contradicts', () => {
    expect(rids('a=rid:0 send', 'a=rid:1 send', 'a=simulcast:send 0;1')).toEqual(['0', '1']);
  });

  it.each([
    ['h;m;l', ['l', 'm', 'h']],
    ['f;h;q', ['q', 'h', 'f']],
    ['hi;mid;lo', ['lo', 'mid', 'hi']],
    ['high;low', ['low', 'high']],
  ])('sorts the well-known names %s from small to large', (list, sorted) => {
    const lines = list.split(';').map((rid) => `a=rid:${rid} send`);
    expect(rids(...lines, `a=simulcast:send ${list}`)).toEqual(sorted);
  });

  it('sorts by the sizes that rids promise', () => {
    const lines = [
      'a=rid:x send max-width=1280;max-height=720',
      'a=rid:y send max-width=320;max-height=180',
      'a=rid:z send max-width=640;max-height=360',
    ];
    expect(rids(...lines, 'a=simulcast:send x;y;z')).toEqual(['y', 'z', 'x']);
  });

  it('takes the first usable alternative, and layers that are paused at first', () => {
    const lines = ['a=rid:a send pt=98', 'a=rid:b send pt=96,97', 'a=rid:c send'];
    expect(layersOf(...lines, 'a=simulcast:recv x send a,b;~c')).toEqual([
      { rid: 'b', paused: false },
      { rid: 'c', paused: true },
    ]);
  });

  it('leaves out what is unknown, doubled, received or malformed', () => {
    const lines = ['a=rid:a send', 'a=rid:b recv', 'a=rid:a send', 'a=rid:c! send'];
    expect(rids(...lines, 'a=simulcast:send a;a;b;c;d')).toEqual(['a']);
    expect(rids('a=simulcast:send a;b')).toEqual([]);
    expect(rids('a=rid:a send', 'a=simulcast: send rid=a')).toEqual(['a']);
  });

  it('takes four layers at most', () => {
    const names = Array.from({ length: 20 }, (_, index) => `r${index}`);
    const lines = names.map((rid) => `a=rid:${rid} send`);
    expect(rids(...lines, `a=simulcast:send ${names.join(';')}`)).toHaveLength(4);
  });
});
