// Prints an administrator's token for the cluster of compose.yaml, good for a day.
import { join } from 'node:path';
import { loadEnvFile } from 'node:process';

loadEnvFile(join(import.meta.dirname, '.env'));
await import('../images/administrator-token.mjs');
