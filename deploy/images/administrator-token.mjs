// Prints an administrator's access token, good for a day, for whoever may read the secret anyway.
import { createHmac } from 'node:crypto';

const {
  SLUICE_TOKEN_SECRET: secret,
  SLUICE_TOKEN_ISSUER: iss,
  SLUICE_TOKEN_AUDIENCE: aud,
} = process.env;
const DAY_S = 86_400;

if (!secret) {
  console.error('SLUICE_TOKEN_SECRET is not set: tokens of this cluster come from elsewhere.');
  process.exit(1);
}

const nowS = Math.floor(Date.now() / 1_000);
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const grants = { publish: true, subscribe: true, host: true, admin: true };
const claims = { sub: 'administrator', room: '*', ...grants, iat: nowS, exp: nowS + DAY_S };
if (iss) claims.iss = iss;
if (aud) claims.aud = aud;
const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;

console.log(`${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`);
