import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import {
  SignJWT,
  UnsecuredJWT,
  base64url,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type CryptoKey,
  type JWK,
} from 'jose';
import { afterEach, describe, expect, test } from 'vitest';
import { AccessTokens } from './access-tokens.js';
import { grantsOf } from './claims.js';

const SECRET = 'a secret of at least thirty-two characters';
const KEY = new TextEncoder().encode(SECRET);

const tokens = new AccessTokens({ secret: SECRET });

function jwt(
  claims: object,
  key: Uint8Array | CryptoKey = KEY,
  header: object = {},
): Promise<string> {
  return new SignJWT({ sub: 'ann', exp: Math.floor(Date.now() / 1_000) + 60, ...claims })
    .setProtectedHeader({ alg: 'HS256', ...header })
    .sign(key);
}

const nowS = () => Math.floor(Date.now() / 1_000);

describe('tokens with a shared secret', () => {
  test('what is issued says who may do what, and where', async () => {
    const token = await tokens.issue({
      subject: '42',
      name: 'Ann',
      room: 'blue',
      subscribe: false,
      host: true,
      ttlSeconds: 100,
    });
    const identity = await tokens.verify(token);
    expect(identity).toMatchObject({
      subject: '42',
      name: 'Ann',
      room: 'blue',
      grants: grantsOf(['publish', 'host']),
    });
    expect(identity.expiresAtS - nowS()).toBeGreaterThan(95);
    expect(identity.expiresAtS - nowS()).toBeLessThanOrEqual(100);
  });

  test('only what was asked for is granted beyond publishing and subscribing', async () => {
    const { grants, room, name } = await tokens.verify(await tokens.issue({ subject: 'ann' }));
    expect(grants).toEqual(grantsOf(['publish', 'subscribe']));
    expect({ room, name }).toEqual({ room: '*', name: 'ann' });
  });

  test('a backend that knows subjects and names only is given grants by configuration', async () => {
    const defaultGrants = { publish: true, subscribe: true };
    const configured = new AccessTokens({ secret: SECRET, defaultGrants });
    const identity = await configured.verify(await jwt({ sub: '42', name: 'Ann' }));
    expect(identity).toMatchObject({ subject: '42', name: 'Ann', room: '*' });
    expect(identity.grants).toEqual(grantsOf(['publish', 'subscribe']));
  });

  test.each(['create', 'ingest'] as const)('%s is a grant that is asked for', async (grant) => {
    const { grants } = await tokens.verify(await tokens.issue({ subject: 'ann', [grant]: true }));
    expect(grants).toEqual(grantsOf(['publish', 'subscribe', grant]));
  });

  test('a token that names no grant has the default ones, one that names any has only those', async () => {
    const lenient = new AccessTokens({ secret: SECRET, defaultGrants: { publish: true } });
    expect((await lenient.verify(await jwt({}))).grants.publish).toBe(true);
    expect((await lenient.verify(await jwt({ subscribe: true }))).grants.publish).toBe(false);
    expect((await tokens.verify(await jwt({}))).grants).toEqual(grantsOf([]));
  });

  test('a grant is only the boolean true, not what looks like it', async () => {
    const { grants } = await tokens.verify(await jwt({ admin: 'true', publish: 1, host: [true] }));
    expect(grants).toEqual(grantsOf([]));
  });

  test.each([
    ['expired', () => jwt({ exp: nowS() - 100 }), 'token expired'],
    ['not valid yet', () => jwt({ nbf: nowS() + 100 }), 'claim nbf not accepted'],
    ['without exp', () => jwt({ exp: undefined }), 'claim exp not accepted'],
    ['without sub', () => jwt({ sub: undefined }), 'claim sub not accepted'],
    ['with an empty sub', () => jwt({ sub: '' }), 'malformed token'],
    ['with a sub too long', () => jwt({ sub: 'x'.repeat(129) }), 'malformed token'],
    ['with a room that is no text', () => jwt({ room: 7 }), 'malformed claims'],
    ['with a name that is no text', () => jwt({ name: {} }), 'malformed claims'],
    [
      'of a foreign secret',
      () => jwt({}, new TextEncoder().encode('another secret of thirty-two characters')),
      'bad signature',
    ],
    ['with an empty secret', () => Promise.resolve(forge({ alg: 'HS256' }, '')), 'bad signature'],
    ['with another HMAC', () => jwt({}, KEY, { alg: 'HS512' }), 'algorithm not allowed'],
    ['without a signature', () => Promise.resolve(unsecured()), 'algorithm not allowed'],
    ['with alg None', () => Promise.resolve(forge({ alg: 'None' }, '')), 'algorithm not allowed'],
    ['too long', () => jwt({ padding: 'x'.repeat(100_000) }), 'token too long'],
    ['that is no JWT', () => Promise.resolve('hello'), 'algorithm not allowed'],
    ['that is empty', () => Promise.resolve(''), 'algorithm not allowed'],
    ['with a header that is null', () => Promise.resolve('bnVsbA.e30.'), 'algorithm not allowed'],
    [
      'with a critical header that nobody knows',
      () => Promise.resolve(forge({ alg: 'HS256', crit: ['else'], else: 1 }, 'x')),
      'malformed token',
    ],
  ])('a token %s is refused, saying why and nothing of it', async (_case, make, reason) => {
    const token = await make();
    await expect(tokens.verify(token)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      message: reason,
    });
  });

  test('issuer and audience are required where they are configured', async () => {
    const strict = new AccessTokens({ secret: SECRET, issuer: 'us', audience: 'sluice' });
    await expect(strict.verify(await jwt({}))).rejects.toMatchObject({
      message: 'claim iss not accepted',
    });
    await expect(strict.verify(await jwt({ iss: 'us', aud: 'other' }))).rejects.toMatchObject({
      message: 'claim aud not accepted',
    });
    expect((await strict.verify(await jwt({ iss: 'us', aud: ['sluice'] }))).subject).toBe('ann');
    expect((await strict.verify(await strict.issue({ subject: 'bob' }))).subject).toBe('bob');
  });
});

function unsecured(): string {
  return new UnsecuredJWT({ sub: 'ann', exp: nowS() + 60, admin: true }).encode();
}

function forge(header: object, signature: string): string {
  const body = { sub: 'ann', exp: nowS() + 60, admin: true };
  const parts = [header, body].map((part) => base64url.encode(JSON.stringify(part)));
  return [...parts, base64url.encode(signature)].join('.');
}

describe('tokens of somebody else, by JWKS', () => {
  let server: Server | undefined;
  let keys: JWK[] = [];
  let fetches = 0;

  afterEach(() => {
    server?.close();
    server?.closeAllConnections();
  });

  async function publishKeys(): Promise<string> {
    fetches = 0;
    server = createServer((_request, response) => {
      fetches += 1;
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ keys }));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/keys`;
  }

  async function newKey(alg: 'ES256' | 'EdDSA' | 'RS256', kid: string) {
    const pair = await generateKeyPair(alg, { extractable: true });
    const jwk = { ...(await exportJWK(pair.publicKey)), kid, alg };
    return { ...pair, jwk, header: { alg, kid } };
  }

  test('ES256 and EdDSA keys are taken by their id, and fetched once', async () => {
    const [es, ed] = [await newKey('ES256', 'es'), await newKey('EdDSA', 'ed')];
    keys = [es.jwk, ed.jwk];
    const verifier = new AccessTokens({ jwksUrl: await publishKeys() });
    for (const key of [es, ed, es]) {
      const identity = await verifier.verify(
        await jwt({ publish: true }, key.privateKey, key.header),
      );
      expect(identity.grants.publish).toBe(true);
    }
    expect(fetches).toBe(1);
  });

  test('a rotated key is fetched, and one that was withdrawn no longer counts', async () => {
    const [old, fresh] = [await newKey('ES256', 'old'), await newKey('EdDSA', 'fresh')];
    keys = [old.jwk];
    const verifier = new AccessTokens({ jwksUrl: await publishKeys(), jwksCooldownMs: 0 });
    await verifier.verify(await jwt({}, old.privateKey, old.header));
    keys = [fresh.jwk];
    expect((await verifier.verify(await jwt({}, fresh.privateKey, fresh.header))).subject).toBe(
      'ann',
    );
    await expect(verifier.verify(await jwt({}, old.privateKey, old.header))).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      message: 'unknown key',
    });
  });

  test('unknown key ids do not make it fetch again and again', async () => {
    const [known, foreign] = [await newKey('ES256', 'known'), await newKey('ES256', 'foreign')];
    keys = [known.jwk];
    const verifier = new AccessTokens({ jwksUrl: await publishKeys() });
    await verifier.verify(await jwt({}, known.privateKey, known.header));
    for (const kid of ['foreign', '../../etc/passwd', "' or 1=1 --", 'http://127.0.0.1/']) {
      const token = await jwt({}, foreign.privateKey, { alg: 'ES256', kid });
      await expect(verifier.verify(token)).rejects.toMatchObject({ message: 'unknown key' });
    }
    expect(fetches).toBe(1);
  });

  test('a public key is never taken for a shared secret', async () => {
    const key = await newKey('RS256', 'rsa');
    keys = [key.jwk];
    const both = new AccessTokens({ secret: SECRET, jwksUrl: await publishKeys() });
    const publicPem = new TextEncoder().encode(await exportSPKI(key.publicKey));
    await expect(both.verify(await jwt({ admin: true }, publicPem))).rejects.toMatchObject({
      message: 'bad signature',
    });
    await expect(
      both.verify(await jwt({ admin: true }, key.privateKey, key.header)),
    ).rejects.toMatchObject({ message: 'algorithm not allowed' });
    const onlyKeys = new AccessTokens({ jwksUrl: await publishKeys() });
    await expect(onlyKeys.verify(await jwt({}))).rejects.toMatchObject({
      message: 'algorithm not allowed',
    });
    await expect(onlyKeys.issue({ subject: 'ann' })).rejects.toMatchObject({
      code: 'INVALID_STATE',
    });
  });

  test('a jku or jwk in the header is not followed', async () => {
    const [mine, theirs] = [await newKey('ES256', 'mine'), await newKey('ES256', 'theirs')];
    keys = [mine.jwk];
    const verifier = new AccessTokens({ jwksUrl: await publishKeys() });
    const header = { alg: 'ES256', kid: 'theirs', jku: 'http://127.0.0.1:1/', jwk: theirs.jwk };
    const token = await jwt({}, theirs.privateKey, header);
    await expect(verifier.verify(token)).rejects.toMatchObject({ message: 'unknown key' });
  });

  test('keys that cannot be fetched are not the token’s fault', async () => {
    const key = await newKey('ES256', 'es');
    const verifier = new AccessTokens({ jwksUrl: 'http://127.0.0.1:1/keys' });
    const token = await jwt({}, key.privateKey, key.header);
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
