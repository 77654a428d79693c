import { expect, test } from 'vitest';
import { ingestAddress } from './ingest-url.js';

test.each([
  ['rtsp://camera.example/stream', 'rtsp://camera.example:554'],
  ['rtsps://camera.example/stream', 'rtsps://camera.example:322'],
  ['rtsp://ada:s3cret@10.0.0.7:8554/cam?user=a&password=b', 'rtsp://10.0.0.7:8554'],
  ['rtsp://[2001:db8::1]:554/x', 'rtsp://[2001:db8::1]:554'],
])('of %s only %s is shown', (url, address) => {
  expect(ingestAddress(url)).toBe(address);
});

test.each([
  '',
  'camera.example',
  'http://camera.example/',
  'file:///etc/passwd',
  'concat:rtsp://camera.example',
  'rtsp:///stream',
  'rtsp://camera.example/\r\nX: y',
  'rtsp://camera.example/a b',
  `rtsp://camera.example/${'x'.repeat(3_000)}`,
])('%j is none', (url) => {
  expect(ingestAddress(url)).toBeUndefined();
});
