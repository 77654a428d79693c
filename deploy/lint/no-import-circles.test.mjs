import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

import { ESLint } from 'eslint';

import { temporaryFolder } from '../setup/temporary-folder.fixture.mjs';
import { noImportCircles } from './no-import-circles.mjs';

/** What the rule says of a tree of these files, each with the files that it imports. */
async function complaintsOf(t, tree) {
  const folder = await temporaryFolder(t);

  for (const [path, imported] of Object.entries(tree)) {
    const lines = imported.map((specifier) => `export {} from '${specifier}';\n`);

    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), lines.join(''));
  }

  const eslint = new ESLint({
    cwd: folder,
    overrideConfigFile: true,
    overrideConfig: {
      files: ['**/*.ts'],
      plugins: { sluice: { rules: { 'no-import-circles': noImportCircles } } },
      rules: { 'sluice/no-import-circles': 'error' },
    },
  });
  const results = await eslint.lintFiles(['.']);

  return results.flatMap(({ messages }) => messages.map(({ message }) => message)).sort();
}

test('files that import each other, also by way of others, are told', async (t) => {
  const complaints = await complaintsOf(t, {
    'a.ts': ['./b.js'],
    'b.ts': ['./c.js'],
    'c.ts': ['./a.js', './d.js'],
    'd.ts': ['node:fs', './gone.js'],
  });

  assert.deepEqual(complaints, [
    'files import each other in a circle: a.ts → b.ts → c.ts → a.ts',
    'files import each other in a circle: b.ts → c.ts → a.ts → b.ts',
    'files import each other in a circle: c.ts → a.ts → b.ts → c.ts',
  ]);
});

test('so are folders of a domain, by other files', async (t) => {
  const complaints = await complaintsOf(t, {
    'src/domain/upper/one.ts': ['../lower/one.js'],
    'src/domain/upper/two.ts': [],
    'src/domain/lower/one.ts': [],
    'src/domain/lower/two.ts': ['../upper/two.js', '../shared.js'],
    'src/domain/shared.ts': ['./upper/one.js'],
  });

  assert.deepEqual(complaints, [
    'folders of the domain import each other in a circle: lower → upper → lower',
    'folders of the domain import each other in a circle: upper → lower → upper',
  ]);
});

test('tests, and folders elsewhere, may import as they like', async (t) => {
  const complaints = await complaintsOf(t, {
    'src/domain/upper/one.ts': ['../lower/one.js'],
    'src/domain/lower/one.ts': [],
    'src/domain/lower/one.test.ts': ['../upper/one.js'],
    'src/one/one.ts': ['../two/one.js'],
    'src/two/one.ts': [],
    'src/two/two.ts': ['../one/one.js'],
  });

  assert.deepEqual(complaints, []);
});
