import { expect, test } from 'vitest';
import { TrackIds } from './track-ids.js';

test('the first of each kind has the kind’s name, later ones are numbered', () => {
  const ids = new TrackIds();
  expect(ids.assign('0', 'audio')).toBe('audio');
  expect(ids.assign('1', 'video')).toBe('video');
  expect(ids.assign('2', 'video')).toBe('video-2');
  expect(ids.assign('3', 'video')).toBe('video-3');
});

test('an m-line keeps its name, and a freed name is taken first', () => {
  const ids = new TrackIds();
  ids.assign('0', 'video');
  ids.assign('1', 'video');
  ids.free('0');
  expect(ids.assign('1', 'video')).toBe('video-2');
  expect(ids.assign('2', 'video')).toBe('video');
});
