import { expect, test } from 'vitest';
import { Authorization, challengeOf } from './authorization.js';

const MUFASA = { username: 'Mufasa', password: 'Circle of Life' };

function authorization(header: string): Authorization {
  const challenge = challengeOf([header]);
  if (!challenge) throw new Error('no challenge');
  return new Authorization(challenge, MUFASA, () => 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ');
}

test('a digest of RFC 7616, section 3.9.1', () => {
  const header = (algorithm: string) =>
    'Digest realm="http-auth@example.org", qop="auth, auth-int", ' +
    `algorithm=${algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", ` +
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"';
  expect(authorization(header('MD5')).of('GET', '/dir/index.html')).toContain(
    'response="8ca523f5e9506fed4657c9700eebdbec"',
  );
  expect(authorization(header('SHA-256')).of('GET', '/dir/index.html')).toContain(
    'response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"',
  );
});

test('requests under one nonce are counted', () => {
  const digest = authorization('Digest realm="a", nonce="b", qop="auth"');
  expect(digest.of('PLAY', 'rtsp://c')).toContain('nc=00000001');
  expect(digest.of('PLAY', 'rtsp://c')).toContain('nc=00000002');
});

test('the strongest challenge is answered', () => {
  const basic = 'Basic realm="a"';
  const md5 = 'Digest realm="a", nonce="b"';
  const sha = 'Digest realm="a", nonce="b", algorithm=SHA-256';
  expect(challengeOf([basic, md5, sha])).toMatchObject({ algorithm: 'SHA-256' });
  expect(challengeOf([basic, md5])).toMatchObject({ algorithm: 'MD5' });
  expect(authorization(basic).of('PLAY', 'rtsp://c')).toBe('Basic TXVmYXNhOkNpcmNsZSBvZiBMaWZl');
});

test.each(['', 'Bearer x', 'Digest realm="a"', 'Digest nonce="b", realm="a", algorithm=MD5-sess'])(
  '%j cannot be answered',
  (header) => {
    expect(challengeOf([header])).toBeUndefined();
  },
);
