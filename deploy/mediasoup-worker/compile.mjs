import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { arch, endianness } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { ninjaFile } from './ninja-file.mjs';
import { readWorkerSources } from './worker-sources.mjs';

const SHIMS_DIR = fileURLToPath(new URL('shims', import.meta.url));

const PKG_CONFIG_MODULES = [
  'libuv',
  'openssl',
  'libsrtp2',
  'flatbuffers',
  'absl_flat_hash_map',
  'absl_flat_hash_set',
  'absl_memory',
  'absl_optional',
  'absl_strings',
];

const FLATC_FLAGS = [
  '--cpp',
  '--cpp-field-case-style',
  'lower',
  '--reflect-names',
  '--scoped-enums',
  '--filename-suffix',
  '',
];

/** What the compilation needs from Debian or Ubuntu. */
export const APT_PACKAGES = [
  'g++',
  'ninja-build',
  'pkg-config',
  'flatbuffers-compiler',
  'libflatbuffers-dev',
  'libabsl-dev',
  'libsrtp2-dev',
  'libssl-dev',
  'libuv1-dev',
];

/** Name of the executable in the build folder. */
export const BINARY = 'mediasoup-worker';

/** Processor whose code the compilation makes. */
export const ARCHITECTURE = arch();

/**
 * Compiles the worker from the source that mediasoup's npm package brings.
 *
 * @param {object} options
 * @param {string} options.packageDir folder of the mediasoup package
 * @param {string} options.buildDir empty folder
 * @param {string} options.compiler command of the C++ compiler
 * @param {(command: string, args: string[]) => Promise<string>} options.run runs a command in the
 *   build folder, gives its output and throws when it fails
 */
export async function compileWorker({ packageDir, buildDir, compiler, run }) {
  const workerDir = join(packageDir, 'worker');

  await generateHeaders({ workerDir, buildDir, run });
  await writeFile(
    join(buildDir, 'build.ninja'),
    ninjaFile({
      compiler,
      compileFlags: await compileFlags({ workerDir, buildDir, run }),
      linkFlags: ['-Wl,--as-needed', ...(await pkgConfig('--libs', run)), '-lpthread'],
      sources: await readWorkerSources(workerDir),
      sourceRoot: workerDir,
      binary: BINARY,
    }),
  );
  await run('ninja', []);
}

async function generateHeaders({ workerDir, buildDir, run }) {
  const schemaDir = join(workerDir, 'fbs');
  const schemas = (await readdir(schemaDir)).filter((name) => name.endsWith('.fbs'));
  const headerDir = join(buildDir, 'generated', 'FBS');

  await mkdir(headerDir, { recursive: true });
  await run('flatc', [
    ...FLATC_FLAGS,
    '-o',
    headerDir,
    ...schemas.map((name) => join(schemaDir, name)),
  ]);
}

async function compileFlags({ workerDir, buildDir, run }) {
  const includeDirs = [
    SHIMS_DIR,
    join(buildDir, 'generated'),
    join(workerDir, 'include'),
    join(workerDir, 'deps/libwebrtc'),
    join(workerDir, 'deps/libwebrtc/libwebrtc'),
  ];

  return [
    '-std=c++20',
    '-O2',
    '-DNDEBUG',
    endianness() === 'LE' ? '-DMS_LITTLE_ENDIAN' : '-DMS_BIG_ENDIAN',
    '-DMS_EXECUTABLE',
    '-DFLATBUFFERS_LOCALE_INDEPENDENT=1',
    '-include',
    'openssl-bio-callback.h',
    ...includeDirs.map((dir) => `-I${dir}`),
    ...(await pkgConfig('--cflags', run)),
  ];
}

async function pkgConfig(what, run) {
  const output = await run('pkg-config', [what, ...PKG_CONFIG_MODULES]);

  return output.split(/\s+/).filter(Boolean);
}
