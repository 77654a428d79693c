import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const TIMEOUT_MS = 10_000;

/** Runs one line of words to its end. @throws with what it says, when it fails. */
export async function run(line: string): Promise<string> {
  const [program = '', ...words] = line.split(' ');
  const { stdout } = await execute(program, words, { timeout: TIMEOUT_MS });
  return stdout;
}
