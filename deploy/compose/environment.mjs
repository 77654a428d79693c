// Writes deploy/compose/.env with new secrets, unless it is there.
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const file = join(import.meta.dirname, '.env');
const secret = () => randomBytes(36).toString('base64url');
const variables = {
  SLUICE_CLUSTER_SECRET: secret(),
  SLUICE_TOKEN_SECRET: secret(),
};
const text = Object.entries(variables)
  .map(([name, value]) => `${name}=${value}\n`)
  .join('');

try {
  await writeFile(file, text, { flag: 'wx', mode: 0o600 });
  console.log(`new secrets are in ${file}`);
} catch (error) {
  if (error.code !== 'EEXIST') throw error;
}
