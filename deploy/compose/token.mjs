// Prints an administrator's token for the cluster of compose.yaml, good for a day.
import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import { loadEnvFile } from 'node:process';

const DAY_S = 86_400;

loadEnvFile(join(import.meta.dirname, '.env'));

const nowS = Math.floor(Date.now() / 1_000);
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const claims = {
  sub: 'administrator',
  room: '*',
  publish: true,
  subscribe: true,
  host: true,
  admin: true,
  iat: nowS,
  exp: nowS + DAY_S,
};
const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
const signature = createHmac('sha256', process.env.SLUICE_TOKEN_SECRET).update(signed);

console.log(`${signed}.${signature.digest('base64url')}`);
