import { access } from 'node:fs/promises';
import { resolve } from 'node:path';

import { ensureAptPackages } from './apt.mjs';
import { runAsScript } from './entry-point.mjs';
import { findExecutable, isExecutable } from './find-executable.mjs';
import { SetupError } from './setup-error.mjs';

/**
 * @typedef {object} TestTool
 * @property {string[]} packages Debian packages that bring it
 * @property {string} [command] its executable
 * @property {string} [file] where it has no executable, a file that is there once it is installed
 * @property {string} [override] environment variable that names another executable
 * @property {string} [instead] an executable that does as well, where that one is not to be had
 */

/** @type {Record<string, TestTool>} */
const TEST_TOOLS = {
  openssl: { packages: ['openssl'], command: 'openssl' },
  // Of the same source as `chromium`, and opens a page in a sixth of its processor time.
  chromium: {
    packages: ['chromium-headless-shell'],
    command: 'chromium-headless-shell',
    override: 'SLUICE_CHROMIUM',
    instead: 'chromium',
  },
  faketime: { packages: ['faketime'], command: 'faketime' },
  iproute2: { packages: ['iproute2'], command: 'ip' },
  haproxy: { packages: ['haproxy'], command: 'haproxy' },
  ffmpeg: { packages: ['ffmpeg'], command: 'ffmpeg' },
  'RTSP server': {
    packages: [
      'python3-gi',
      'gir1.2-gst-rtsp-server-1.0',
      'gstreamer1.0-plugins-base',
      'gstreamer1.0-plugins-good',
      'gstreamer1.0-plugins-bad',
      'gstreamer1.0-plugins-ugly',
    ],
    file: '/usr/share/doc/gir1.2-gst-rtsp-server-1.0/copyright',
  },
  prometheus: { packages: ['prometheus'], command: 'prometheus' },
  promtool: { packages: ['prometheus'], command: 'promtool' },
};

/** What the tests of other clients and of bad networks need besides. @type {Record<string, TestTool>} */
export const INTEROP_TOOLS = {
  ...TEST_TOOLS,
  'firefox-esr': { packages: ['firefox-esr'], command: 'firefox-esr' },
  aiortc: {
    packages: ['python3-aiortc', 'python3-websockets'],
    file: '/usr/lib/python3/dist-packages/aiortc/__init__.py',
  },
  coturn: { packages: ['coturn'], command: 'turnserver' },
  iproute2: { packages: ['iproute2'], command: 'ip' },
  nftables: { packages: ['nftables'], command: 'nft' },
  gstreamer: {
    packages: [
      'python3-gi',
      'gir1.2-gst-plugins-bad-1.0',
      'gstreamer1.0-nice',
      'gstreamer1.0-plugins-base',
      'gstreamer1.0-plugins-good',
      'gstreamer1.0-plugins-bad',
      'gstreamer1.0-plugins-ugly',
    ],
    // Where its modules are depends on the machine's architecture.
    file: '/usr/share/doc/gstreamer1.0-plugins-ugly/copyright',
  },
};

/**
 * Installs what only the tests need.
 *
 * @returns {Promise<Record<string, string>>} path of each tool
 * @throws {SetupError}
 */
export async function ensureTestTools(tools = TEST_TOOLS) {
  const found = await findAll(tools);
  const missing = Object.entries(tools).filter(([name]) => found[name] === undefined);

  if (missing.length === 0) {
    return found;
  }

  const substitutes = await findSubstitutes(missing);
  const needed = missing.filter(([name]) => substitutes[name] === undefined);
  const better = missing.filter(([name]) => substitutes[name] !== undefined);

  await install(needed);
  await install(better).catch(requireSetupError);

  const installed = Object.entries(await findAll(tools));

  return requireAll(
    Object.fromEntries(installed.map(([name, path]) => [name, path ?? substitutes[name]])),
  );
}

async function install(tools) {
  if (tools.length === 0) {
    return;
  }
  await ensureAptPackages(
    tools.flatMap(([, tool]) => tool.packages),
    'the tests',
  );
}

/** Of what could not be installed and does not have to be. */
function requireSetupError(error) {
  if (!(error instanceof SetupError)) {
    throw error;
  }
}

async function findSubstitutes(tools) {
  const entries = tools.map(async ([name, { instead }]) => [
    name,
    instead && (await findExecutable(instead)),
  ]);

  return Object.fromEntries(await Promise.all(entries));
}

async function findAll(tools) {
  const entries = Object.entries(tools).map(async ([name, tool]) => [name, await find(tool)]);

  return Object.fromEntries(await Promise.all(entries));
}

async function find({ command, file, override }) {
  const named = override && process.env[override];

  if (named) {
    return checkNamed(override, resolve(named));
  }
  return command ? findExecutable(command) : findFile(file);
}

async function checkNamed(variable, path) {
  if (!(await isExecutable(path))) {
    throw new SetupError(`${variable} names ${path}, which is no executable file.`);
  }
  return path;
}

async function findFile(path) {
  try {
    await access(path);
    return path;
  } catch {
    return undefined;
  }
}

function requireAll(found) {
  const missing = Object.keys(found).filter((name) => found[name] === undefined);

  if (missing.length > 0) {
    throw new SetupError(`Installed, and still not found: ${missing.join(', ')}`);
  }
  return found;
}

runAsScript(import.meta.url, async () => {
  for (const [name, path] of Object.entries(await ensureTestTools())) {
    process.stdout.write(`${name} ${path}\n`);
  }
});
