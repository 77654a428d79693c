import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { ARCHITECTURE } from './compile.mjs';

const RECIPE_DIR = fileURLToPath(new URL('.', import.meta.url));
const SHIMS = 'shims';

/** Short hash of everything of ours that shapes the binary, and of the processor it is for. */
export async function recipeHash() {
  const shims = await readdir(join(RECIPE_DIR, SHIMS), { recursive: true });
  const files = [
    'compile.mjs',
    'ninja-file.mjs',
    'worker-sources.mjs',
    ...shims.filter((name) => name.endsWith('.h')).map((name) => join(SHIMS, name)),
  ].sort();
  const hash = createHash('sha256').update(ARCHITECTURE);

  for (const file of files) {
    hash.update(`\0${file}\0`).update(await readFile(join(RECIPE_DIR, file)));
  }
  return hash.digest('hex').slice(0, 12);
}
