import { expect, test } from 'vitest';
import { parseCameraUrl } from './camera-url.js';

test('credentials are taken out of what is sent and connected to', () => {
  expect(parseCameraUrl('rtsp://ada:s3c%40ret@camera.example/a?b=c')).toEqual({
    tls: false,
    host: 'camera.example',
    port: 554,
    requestUri: 'rtsp://camera.example/a?b=c',
    credentials: { username: 'ada', password: 's3c@ret' },
  });
  expect(parseCameraUrl('rtsps://[2001:db8::1]:8322/')).toMatchObject({
    tls: true,
    host: '2001:db8::1',
    port: 8322,
    credentials: undefined,
  });
});

test.each(['', 'http://camera.example', 'rtsp:///', 'rtsp://a/\r\nX: y'])(
  '%j is refused',
  (url) => {
    expect(() => parseCameraUrl(url)).toThrow(expect.objectContaining({ kind: 'malformed' }));
  },
);
