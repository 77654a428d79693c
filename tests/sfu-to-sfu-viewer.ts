import { eventually } from '@sluice/testing';
import { launchChromium, type ChromiumOptions } from '@sluice/testing/browser';
import type { Browser, Page } from 'playwright-core';

const PLAYBACK_TIMEOUT_MS = 30_000;

/** A page that watches one stream, by an offer of the server's. */
export class SfuToSfuViewer {
  private constructor(
    private readonly browser: Browser,
    private readonly page: Page,
  ) {}

  /** @param token none where the dialect is open */
  static async open(
    url: string,
    token: string,
    options: ChromiumOptions = {},
  ): Promise<SfuToSfuViewer> {
    const browser = await launchChromium(options);
    const page = await browser.newPage();
    await page.evaluate(openSession, [url, token] as const);
    return new SfuToSfuViewer(browser, page);
  }

  /** The text of the error, if it is one. */
  subscribe(keys: Record<string, string>): Promise<string> {
    return this.page.evaluate((wanted) => window.subscribe(wanted), keys);
  }

  async decodes(frames: number): Promise<void> {
    await eventually(async () => {
      const decoded = await this.page.evaluate(() => window.framesDecoded());
      return decoded >= frames ? undefined : `${String(decoded)} frames`;
    }, PLAYBACK_TIMEOUT_MS);
  }

  /** As a page that is left: its PeerConnection says so. */
  async close(): Promise<void> {
    await this.page.evaluate(() => window.leave());
    await this.browser.close();
  }
}

declare global {
  interface Window {
    subscribe(keys: Record<string, string>): Promise<string>;
    framesDecoded(): Promise<number>;
    leave(): void;
  }
}

/** Runs in the page, so it uses nothing from outside itself. */
async function openSession([url, token]: readonly [string, string]): Promise<void> {
  const peer = new RTCPeerConnection();
  const channel = peer.createDataChannel('signaling');
  const opened = new Promise((resolve) => (channel.onopen = resolve));
  peer.ontrack = ({ track }) => {
    const element = document.createElement(track.kind === 'audio' ? 'audio' : 'video');
    element.srcObject = new MediaStream([track]);
    void element.play();
  };
  await peer.setLocalDescription();
  const headers: Record<string, string> = token ? { Authorization: `Bearer ${token}` } : {};
  const body = peer.localDescription?.sdp ?? '';
  const response = await fetch(url, { method: 'POST', headers, body });
  await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
  await opened;
  window.subscribe = async (keys) => {
    const heard = new Promise<MessageEvent<string>>((resolve) => (channel.onmessage = resolve));
    channel.send(JSON.stringify({ event: 'subscribe', id: '1', ...keys }));
    const reply = JSON.parse((await heard).data) as { message?: string; sdp: string };
    if (reply.message !== undefined) return reply.message;
    await peer.setRemoteDescription({ type: 'offer', sdp: reply.sdp });
    await peer.setLocalDescription();
    const answer = { event: 'subscribe', id: '1', sdp: peer.localDescription?.sdp };
    channel.send(JSON.stringify(answer));
    return '';
  };
  window.leave = () => peer.close();
  window.framesDecoded = async () => {
    let decoded = 0;
    for (const report of (await peer.getStats()).values() as Iterable<Record<string, unknown>>) {
      decoded += Number(report['framesDecoded'] ?? 0);
    }
    return decoded;
  };
}
