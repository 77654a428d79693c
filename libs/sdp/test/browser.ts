import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium, type Browser, type Page } from 'playwright-core';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
  '--use-fake-ui-for-media-stream',
  '--use-fake-device-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
];

export interface InboundStats {
  readonly mid: string;
  readonly kind: string;
  /** Absent before the first. */
  readonly framesDecoded?: number;
  readonly frameWidth?: number;
  readonly totalAudioEnergy?: number;
  readonly trackIdentifier: string;
}

/** A headless Chromium with an empty page whose script keeps PeerConnections by name. */
export class BrowserPage {
  private constructor(
    readonly page: Page,
    readonly browser: Browser,
    readonly server: Server,
  ) {}

  static async open(executablePath = '/usr/bin/chromium'): Promise<BrowserPage> {
    const server = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html');
      response.end('<!doctype html><title>sdp</title>');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const browser = await chromium.launch({ executablePath, args: FLAGS });
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await page.addScriptTag({ content: PAGE_SCRIPT });
    return new BrowserPage(page, browser, server);
  }

  async close(): Promise<void> {
    await this.browser.close();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Runs an expression with `pc(name)` and `camera()` in reach; its value comes back. */
  async run<T>(expression: string): Promise<T> {
    return this.page.evaluate<T>(`(async () => { ${expression} })()`);
  }

  /** What the page's PeerConnection offers now. */
  async offer(name: string, options = '{}'): Promise<string> {
    return this.run(
      `const p = pc('${name}'); await p.setLocalDescription(await p.createOffer(${options})); return p.localDescription.sdp;`,
    );
  }

  async takeAnswer(name: string, sdp: string): Promise<void> {
    await this.run(
      `await pc('${name}').setRemoteDescription({ type: 'answer', sdp: ${JSON.stringify(sdp)} });`,
    );
  }

  /** The page's answer to an offer of ours. */
  async answer(name: string, sdp: string): Promise<string> {
    return this.run(
      `const p = pc('${name}'); await p.setRemoteDescription({ type: 'offer', sdp: ${JSON.stringify(sdp)} });
       await p.setLocalDescription(); return p.localDescription.sdp;`,
    );
  }

  async inbound(name: string): Promise<InboundStats[]> {
    return this.run(
      `const all = [...(await pc('${name}').getStats()).values()];
       return all.filter((entry) => entry.type === 'inbound-rtp');`,
    );
  }
}

const PAGE_SCRIPT = `
  const connections = new Map();
  function pc(name) {
    let connection = connections.get(name);
    if (!connection) {
      connection = new RTCPeerConnection();
      connection.tracks = [];
      // A track is decoded only where somebody looks or listens.
      connection.ontrack = ({ track, streams }) => {
        connection.tracks.push({ id: track.id, kind: track.kind, stream: streams[0]?.id });
        const element = document.createElement(track.kind);
        element.autoplay = true;
        element.srcObject = new MediaStream([track]);
        document.body.append(element);
      };
      connections.set(name, connection);
    }
    return connection;
  }
  async function camera(constraints = { audio: true, video: { width: 640, height: 480 } }) {
    return navigator.mediaDevices.getUserMedia(constraints);
  }
  function prefer(transceiver, mimeType) {
    const { codecs } = RTCRtpSender.getCapabilities('video');
    transceiver.setCodecPreferences([
      ...codecs.filter((codec) => codec.mimeType === mimeType),
      ...codecs.filter((codec) => codec.mimeType !== mimeType),
    ]);
  }
  Object.assign(globalThis, { pc, camera, prefer });
`;
