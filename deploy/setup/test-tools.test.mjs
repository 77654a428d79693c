import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import {
  putFirstOnPath,
  setEnv,
  temporaryFolder,
  writeProgram,
} from './temporary-folder.fixture.mjs';
import { ensureTestTools } from './test-tools.mjs';

const TOOLS = {
  browser: { packages: ['a-browser'], command: 'a-browser', override: 'TEST_TOOLS_BROWSER' },
};

test('tools that are there are found, and nothing is installed', async (t) => {
  const { dir, bin } = await workspace(t);
  const browser = await writeProgram(join(bin, 'a-browser'), '');
  const file = join(dir, 'library');

  await writeFile(file, '');
  assert.deepEqual(await ensureTestTools({ ...TOOLS, library: { packages: ['lib'], file } }), {
    browser,
    library: file,
  });
});

test('a tool that is missing is installed from its Debian package', async (t) => {
  const { bin } = await workspace(t);
  const browser = join(bin, 'a-browser');

  becomeRoot(t);
  await writeProgram(
    join(bin, 'apt-get'),
    `case "$*" in
       *'install --no-install-recommends a-browser') echo > '${browser}'; chmod +x '${browser}' ;;
     esac`,
  );
  assert.deepEqual(await ensureTestTools(TOOLS), { browser });
});

test('an ordinary user is told the command to run', async (t) => {
  const { bin } = await workspace(t);

  t.mock.method(process, 'getuid', () => 1000);
  await writeProgram(join(bin, 'apt-get'), 'exit 0');
  await assert.rejects(ensureTestTools(TOOLS), {
    name: 'SetupError',
    message: /sudo apt-get update && sudo apt-get install -y --no-install-recommends a-browser/,
  });
});

test('a package that does not bring its tool is an error', async (t) => {
  const { bin } = await workspace(t);

  becomeRoot(t);
  await writeProgram(join(bin, 'apt-get'), 'exit 0');
  await assert.rejects(ensureTestTools(TOOLS), {
    name: 'SetupError',
    message: 'Installed, and still not found: browser',
  });
});

test('what does as well is used where the better tool is not to be had', async (t) => {
  const { bin } = await workspace(t);
  const other = await writeProgram(join(bin, 'another-browser'), '');
  const tools = { browser: { ...TOOLS.browser, instead: 'another-browser' } };

  t.mock.method(process, 'getuid', () => 1000);
  await writeProgram(join(bin, 'apt-get'), 'exit 1');
  assert.deepEqual(await ensureTestTools(tools), { browser: other });
});

test('the better tool is installed beside what does as well', async (t) => {
  const { bin } = await workspace(t);
  const browser = join(bin, 'a-browser');
  const tools = { browser: { ...TOOLS.browser, instead: 'another-browser' } };

  becomeRoot(t);
  await writeProgram(join(bin, 'another-browser'), '');
  await writeProgram(
    join(bin, 'apt-get'),
    `case "$*" in
       *'install --no-install-recommends a-browser') echo > '${browser}'; chmod +x '${browser}' ;;
     esac`,
  );
  assert.deepEqual(await ensureTestTools(tools), { browser });
});

test('an override is used as it is, and refused where it is no program', async (t) => {
  const { dir } = await workspace(t);
  const browser = await writeProgram(join(dir, 'my-browser'), '');

  setEnv(t, { TEST_TOOLS_BROWSER: browser });
  assert.deepEqual(await ensureTestTools(TOOLS), { browser });

  setEnv(t, { TEST_TOOLS_BROWSER: join(dir, 'missing') });
  await assert.rejects(ensureTestTools(TOOLS), { message: /TEST_TOOLS_BROWSER names .*missing/ });
});

function becomeRoot(t) {
  t.mock.method(process, 'getuid', () => 0);
}

async function workspace(t) {
  const dir = await temporaryFolder(t);
  const bin = join(dir, 'bin');

  putFirstOnPath(t, bin);
  await writeProgram(join(bin, 'dpkg-query'), 'echo "unrelated installed"');
  return { dir, bin };
}
