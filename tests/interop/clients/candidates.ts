import { fileURLToPath } from 'node:url';
import { BrowserKit } from '../../browser/participant.js';
import type { Network, Stage } from '../stage.js';
import { chromiumClient } from './chromium.js';
import type { InteropClient } from './client.js';
import { Firefox } from './firefox.js';
import { LACKS, type Lacks } from './lacks.js';
import { ProgramClient } from './program.js';

/** Brings clients of one implementation, each in the network where a row plays. */
export interface Opened {
  readonly client: (network: Network) => Promise<InteropClient>;
  readonly close: () => Promise<void>;
}

/** A column of the matrix. */
export interface Candidate {
  readonly name: string;
  /** Why it cannot play a row, by the row's name; it is not asked to. */
  readonly lacks: Lacks;
  readonly open: (stage: Stage) => Promise<Opened>;
}

/** Debian's Python, whose modules come with it, whatever other Python is first in the path. */
const PYTHON = '/usr/bin/python3';

export const CANDIDATES: readonly Candidate[] = [
  {
    name: 'Chromium',
    lacks: LACKS.chromium,
    open: (stage) => {
      const kits = eachNetwork((network) => BrowserKit.open(stage.place(network)));
      return Promise.resolve({
        client: async (network) =>
          chromiumClient((await kits.of(network)).browser, stage.pages.url),
        close: () => kits.close(),
      });
    },
  },
  {
    name: 'Firefox',
    lacks: LACKS.firefox,
    open: (stage) => {
      const browsers = eachNetwork((network) => openFirefox(stage, network));
      return Promise.resolve({
        client: async (network) => (await browsers.of(network)).client(stage.pages.url),
        close: () => browsers.close(),
      });
    },
  },
  program('aiortc', LACKS.aiortc, PYTHON, source('aiortc_client.py')),
  program('GStreamer', LACKS.gstreamer, PYTHON, source('gstreamer_client.py')),
  program('wrtc', LACKS.wrtc, process.execPath, built('wrtc-client.js')),
  program('werift', LACKS.werift, process.execPath, built('werift-client.js')),
  program(
    'libdatachannel',
    LACKS.libdatachannel,
    process.execPath,
    built('libdatachannel-client.js'),
  ),
];

function openFirefox(stage: Stage, network: Network): Promise<Firefox> {
  const show = (port: number) => stage.namespace.show(port);
  return Firefox.open(stage.place(network), network === 'namespace' ? show : undefined);
}

/** One browser on the machine, and one in the namespace; each once somebody wants it. */
function eachNetwork<T extends { close: () => Promise<void> }>(
  open: (network: Network) => Promise<T>,
) {
  const opened = new Map<boolean, Promise<T>>();
  return {
    of: (network: Network): Promise<T> => {
      const known = opened.get(network === 'namespace') ?? open(network);
      opened.set(network === 'namespace', known);
      return known;
    },
    close: async () => {
      for (const one of opened.values()) await (await one).close();
    },
  };
}

function program(
  name: string,
  lacks: Lacks,
  command: string,
  ...args: readonly string[]
): Candidate {
  return {
    name,
    lacks,
    open: (stage) =>
      Promise.resolve({
        client: (network) => ProgramClient.start(...stage.place(network)(command, args)),
        close: () => Promise.resolve(),
      }),
  };
}

function source(script: string): string {
  return fileURLToPath(new URL(`../programs/${script}`, import.meta.url));
}

/** Where `tsc -b` puts it. */
function built(script: string): string {
  return fileURLToPath(new URL(`../../dist/interop/programs/${script}`, import.meta.url));
}
