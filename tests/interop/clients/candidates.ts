import { fileURLToPath } from 'node:url';
import type { Stage } from '../stage.js';
import { chromiumClient } from './chromium.js';
import type { InteropClient } from './client.js';
import { Firefox } from './firefox.js';
import { ProgramClient } from './program.js';

/** A column of the matrix. */
export interface Candidate {
  readonly name: string;
  /** Why it cannot play a row, by the row's name; it is not asked to. */
  readonly lacks: Readonly<Record<string, string>>;
  readonly open: (stage: Stage) => Promise<{
    readonly client: () => Promise<InteropClient>;
    readonly close: () => Promise<void>;
  }>;
}

/** Debian's Python, whose modules come with it, whatever other Python is first in the path. */
const PYTHON = '/usr/bin/python3';

/** Where `tsc -b` puts it. */
const WRTC_PROGRAM = fileURLToPath(
  new URL('../../dist/interop/programs/wrtc-client.js', import.meta.url),
);

const FIREFOX_LACKS = {
  'publish H264': 'Firefox downloads its H.264 encoder (OpenH264), Debian has none for it',
  'publish over IPv6 on loopback': 'ICE of Firefox finds no way to ::1',
  'subscribe over IPv6 on loopback': 'ICE of Firefox finds no way to ::1',
};

const AIORTC_LACKS = {
  'publish VP9': 'aiortc 1.4 has VP8 and H.264 alone',
  'publish AV1': 'aiortc 1.4 has VP8 and H.264 alone',
  'publish simulcast': 'aiortc sends none',
  'restart ICE': 'aiortc restarts no ICE',
  'publish over TCP': 'the ICE of aiortc has UDP alone',
  'subscribe over TCP': 'the ICE of aiortc has UDP alone',
};

const GSTREAMER_LACKS = {
  'publish AV1': 'Debian 12 has no RTP payloader of GStreamer for AV1',
  'publish simulcast': 'webrtcbin 1.22 offers none',
  'stop a track and re-use its m-line':
    'webrtcbin 1.22 says “transceiver direction changes are not implemented”',
  'restart ICE': 'webrtcbin 1.22 restarts no ICE',
};

export const CANDIDATES: readonly Candidate[] = [
  {
    name: 'Chromium',
    lacks: {},
    open: ({ browsers, pages }) =>
      Promise.resolve({
        client: () => chromiumClient(browsers.browser, pages.url),
        close: () => Promise.resolve(),
      }),
  },
  {
    name: 'Firefox',
    lacks: FIREFOX_LACKS,
    open: async ({ pages }) => {
      const firefox = await Firefox.open();
      return { client: () => firefox.client(pages.url), close: () => firefox.close() };
    },
  },
  program('aiortc', AIORTC_LACKS, PYTHON, pathOf('aiortc_client.py')),
  program('GStreamer', GSTREAMER_LACKS, PYTHON, pathOf('gstreamer_client.py')),
  program('wrtc', { 'publish H264': 'it is built without H.264' }, process.execPath, WRTC_PROGRAM),
];

function program(
  name: string,
  lacks: Candidate['lacks'],
  command: string,
  ...args: readonly string[]
): Candidate {
  return {
    name,
    lacks,
    open: () =>
      Promise.resolve({
        client: () => ProgramClient.start(command, args),
        close: () => Promise.resolve(),
      }),
  };
}

function pathOf(script: string): string {
  return fileURLToPath(new URL(`../programs/${script}`, import.meta.url));
}
