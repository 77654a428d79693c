import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadEnvFile } from 'node:process';

import { ensureDockerCompose } from '../setup/docker-compose.mjs';
import { repositoryRoot } from '../setup/repository-root.mjs';

const VARIABLES = join(import.meta.dirname, '.env');
const FILE = join(repositoryRoot, 'deploy', 'compose.yaml');

/** Reads .env; what is in the environment already wins, as with Docker Compose itself. */
export function readVariables() {
  if (existsSync(VARIABLES)) loadEnvFile(VARIABLES);
}

/**
 * Runs Docker Compose for the cluster of compose.yaml.
 *
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, silent?: boolean }} [options] silent: returns what it prints
 * @returns {Promise<{ exitCode: number, output: string }>}
 */
export async function compose(args, { env = process.env, silent = false } = {}) {
  const [program, ...first] = await ensureDockerCompose();
  const stdio = ['ignore', silent ? 'pipe' : 'inherit', 'inherit'];
  const child = spawn(program, [...first, '--file', FILE, ...args], { env, stdio });
  let output = '';

  child.stdout?.setEncoding('utf8').on('data', (text) => (output += text));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ exitCode: exitCode ?? 1, output }));
  });
}
