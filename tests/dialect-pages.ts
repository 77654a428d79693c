import { fileURLToPath } from 'node:url';
import { PageServer, launchChromium } from '@sluice/testing/browser';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

/** The examples of docs/protocols.md: what is tested is what client authors read. */
const EXAMPLES = fileURLToPath(new URL('../docs/examples', import.meta.url));

/** Where a client goes, and as whom, or whose stream it wants. */
export interface Place {
  readonly url: string;
  readonly token: string;
  readonly room: string;
  readonly participant: string;
  readonly purpose?: string;
}

/** What a page has received so far, over all its PeerConnections. */
export interface Playback {
  readonly framesDecoded: number;
  /** Grows while something is to be heard. */
  readonly audioEnergy: number;
  readonly failure: string | undefined;
}

interface Recording {
  readonly connections: RTCPeerConnection[];
  /** What the page was told and did, in order, for whoever asks why it hangs. */
  readonly steps: string[];
  failure: string | undefined;
}

declare global {
  interface Window {
    recording: Recording;
    /** What the example that publishes gave. */
    published: { stop(): Promise<Response> };
    load: (script: string) => Promise<Record<string, (...args: unknown[]) => unknown>>;
  }
}

/** What an example needs at most; browser and servers have given up on all else long before. */
const EXAMPLE_TIMEOUT_MS = 45_000;

/** Notes every PeerConnection that the page makes. */
const RECORD = `
  window.load = (script) => import(script);
  const connections = [];
  const steps = [];
  window.recording = { connections, steps, failure: undefined };
  addEventListener('unhandledrejection', ({ reason }) => (recording.failure = String(reason)));
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...options) {
      super(...options);
      connections.push(this);
      this.addEventListener('datachannel', ({ channel }) => {
        steps.push('told of ' + channel.label + ', ' + channel.readyState);
        channel.addEventListener('open', () => steps.push(channel.label + ' is open'));
      });
    }
    async setRemoteDescription(description) {
      steps.push('sets ' + description.type);
      await super.setRemoteDescription(description);
      steps.push('has set ' + description.type);
    }
  };
`;

/** A Chromium whose pages run the examples. */
export class DialectPages {
  private constructor(
    private readonly browser: Browser,
    private readonly server: PageServer,
    private readonly options: BrowserContextOptions,
  ) {}

  /** `options` are of each page, such as that certificates are not looked at. */
  static async open(options: BrowserContextOptions = {}): Promise<DialectPages> {
    return new DialectPages(await launchChromium(), await PageServer.start(EXAMPLES), options);
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.server.stop();
  }

  /** Publishes a small camera picture and the beep. */
  async publish(dialect: string, action: string, place: Place): Promise<Page> {
    const page = await this.#open();
    const published = page.evaluate(
      async ([script, call, to]) => {
        const wish = { video: { width: 320, height: 180 }, audio: true };
        const stream = await navigator.mediaDevices.getUserMedia(wish);
        const example = await window.load(script);
        window.published = (await example[call]!(to, stream)) as Window['published'];
      },
      [`/${dialect}.js`, action, place] as const,
    );
    await inTime(published, page);
    return page;
  }

  async play(dialect: string, action: string, place: Place): Promise<Page> {
    const page = await this.#open();
    const playing = page.evaluate(
      async ([script, call, to]) => {
        const onTrack = (track: MediaStreamTrack) => {
          const element = document.createElement(track.kind) as HTMLMediaElement;
          element.srcObject = new MediaStream([track]);
          element.autoplay = true;
          document.body.append(element);
        };
        const example = await window.load(script);
        // A dialect with one PeerConnection for both ways takes a stream to publish: none.
        const args = call === 'join' ? [to, undefined, onTrack] : [to, onTrack];
        await example[call]!(...args);
      },
      [`/${dialect}.js`, action, place] as const,
    );
    await inTime(playing, page);
    return page;
  }

  async #open(): Promise<Page> {
    const context = await this.browser.newContext(this.options);
    const page = await context.newPage();
    await page.addInitScript(RECORD);
    await page.goto(this.server.url);
    return page;
  }
}

/** One that hangs says how far its connections have come. */
async function inTime(work: Promise<void>, page: Page): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), EXAMPLE_TIMEOUT_MS);
  });
  const outcome = await Promise.race([work, late]).finally(() => clearTimeout(timer));
  if (outcome === 'late') throw new Error(`the example hangs: ${await connectionsOf(page)}`);
}

function connectionsOf(page: Page): Promise<string> {
  return page.evaluate(async () => {
    const { connections, steps, failure } = window.recording;
    const described = connections.map(async (connection) => {
      const { connectionState, iceConnectionState, signalingState, sctp } = connection;
      const report = await connection.getStats();
      const channels = [...(report.values() as Iterable<Record<string, unknown>>)]
        .filter(({ type }) => type === 'data-channel')
        .map(({ label, state, messagesSent, messagesReceived }) => {
          return { label, state, messagesSent, messagesReceived };
        });
      const states = { connectionState, iceConnectionState, signalingState, sctp: sctp?.state };
      return { ...states, channels };
    });
    return JSON.stringify({ failure, steps, connections: await Promise.all(described) });
  });
}

export function playbackOf(page: Page): Promise<Playback> {
  return page.evaluate(async () => {
    const { connections, failure } = window.recording;
    let [framesDecoded, audioEnergy] = [0, 0];
    for (const connection of connections) {
      const report = await connection.getStats();
      for (const entry of report.values() as Iterable<Record<string, unknown>>) {
        if (entry['type'] !== 'inbound-rtp') continue;
        framesDecoded += Number(entry['framesDecoded'] ?? 0);
        audioEnergy += Number(entry['totalAudioEnergy'] ?? 0);
      }
    }
    return { framesDecoded, audioEnergy, failure };
  });
}
