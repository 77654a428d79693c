import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { findExecutable } from '../setup/find-executable.mjs';

export const FIXTURE_VERSION = '0.0.1';

const FILES = {
  'package.json': JSON.stringify({ name: 'mediasoup', version: FIXTURE_VERSION }),
  'worker/meson.build': `
    common_sources = ['src/lib.cpp']
    executable('mediasoup-worker', sources: common_sources + ['src/main.cpp'])
    mock_sources = ['mocks/src/MockTypes.cpp']
    test_sources = ['test/src/tests.cpp', 'src/OnlyForTests.cpp']
  `,
  'worker/deps/libwebrtc/meson.build': "libwebrtc_sources = ['libwebrtc/api/units/timestamp.cc']",
  'worker/deps/libwebrtc/libwebrtc/api/units/timestamp.cc': 'int timestamp() { return 1; }',
  'worker/fbs/worker.fbs': 'namespace FBS.Worker; table Dump { pid: uint32; }',
  'worker/include/lib.hpp': 'int exitCode();',
  'worker/src/lib.cpp':
    '#include "lib.hpp"\n#include "FBS/worker.h"\nint exitCode() { return 41; }',
  'worker/src/main.cpp': '#include "lib.hpp"\nint main() { return exitCode(); }',
};

/** Writes a package laid out like mediasoup's, whose worker does nothing but start. */
export async function writeMediasoupPackage(packageDir) {
  for (const [path, text] of Object.entries(FILES)) {
    await mkdir(dirname(join(packageDir, path)), { recursive: true });
    await writeFile(join(packageDir, path), text);
  }
  return packageDir;
}

/** Why this user cannot build even that package; false where it can. */
export async function whyNotBuildable() {
  if (process.getuid?.() === 0) {
    return false;
  }

  const tools = ['g++', 'ninja', 'flatc', 'pkg-config'];
  const found = await Promise.all(tools.map(findExecutable));
  const missing = tools.filter((_, index) => found[index] === undefined);

  return missing.length > 0 && `not installed, and only root can install it: ${missing.join(', ')}`;
}
