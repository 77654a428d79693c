import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Source files of the worker's executable, absolute, in the order of mediasoup's own meson files.
 *
 * @param {string} workerDir the `worker` folder of the mediasoup package
 * @returns {Promise<string[]>}
 */
export async function readWorkerSources(workerDir) {
  const webrtcDir = join(workerDir, 'deps', 'libwebrtc');
  const workerMeson = await readFile(join(workerDir, 'meson.build'), 'utf8');
  const webrtcMeson = await readFile(join(webrtcDir, 'meson.build'), 'utf8');

  // What follows `mock_sources` builds mediasoup's tests and fuzzers.
  const [executablePart] = workerMeson.split('mock_sources');
  const sources = [
    ...quotedPaths(executablePart, /'(src\/[^']+\.cpp)'/g).map((path) => join(workerDir, path)),
    ...quotedPaths(webrtcMeson, /'(libwebrtc\/[^']+\.cc)'/g).map((path) => join(webrtcDir, path)),
  ];

  if (!sources.includes(join(workerDir, 'src/main.cpp'))) {
    throw new Error(`${join(workerDir, 'meson.build')} does not list src/main.cpp`);
  }
  return sources;
}

function quotedPaths(meson, pattern) {
  return [...new Set([...meson.matchAll(pattern)].map(([, path]) => path))];
}
