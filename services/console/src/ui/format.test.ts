import { expect, test } from 'vitest';
import {
  formatBitrate,
  formatFraction,
  formatLayers,
  formatMs,
  formatSize,
  initials,
  purposeLabel,
} from './format.js';

test('bitrates change their unit where people do', () => {
  expect([0, 312_400, 1_240_000, 12_600_000, undefined].map(formatBitrate)).toEqual([
    '0 kbit/s',
    '312 kbit/s',
    '1.2 Mbit/s',
    '13 Mbit/s',
    '–',
  ]);
});

test('a time that is shorter than a millisecond is not shown as none', () => {
  expect([0, 0.4, 12.6, undefined].map(formatMs)).toEqual(['0 ms', '< 1 ms', '13 ms', '–']);
});

test('small losses keep a decimal', () => {
  expect([0, 0.004, 0.25, undefined].map(formatFraction)).toEqual(['0 %', '0.4 %', '25 %', '–']);
});

test('what is not known is a dash', () => {
  expect(formatSize(640, undefined)).toBe('–');
  expect(formatSize(640, 360)).toBe('640 × 360');
  expect(formatLayers(undefined, 1)).toBe('–');
  expect(formatLayers(2, undefined)).toBe('S2 T0');
});

test('initials are of the first and the last name, in any script', () => {
  expect(['Ada King Lovelace', 'bob', ' 李 明 ', '👩‍🚀', ''].map(initials)).toEqual([
    'AL',
    'B',
    '李明',
    '👩‍🚀',
    '?',
  ]);
});

test('a purpose of another system is shown as it is', () => {
  expect(['m.usermedia', 'm.screenshare', 'drone-1'].map(purposeLabel)).toEqual([
    'Camera',
    'Screen',
    'drone-1',
  ]);
});
