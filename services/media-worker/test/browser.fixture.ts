import { chromium, type Browser, type Page } from 'playwright-core';
import { eventually } from '@sluice/testing';
import type { SessionCalls } from './session.fixture.js';

/** What one receiving m-line of a PeerConnection shows. */
export interface Received {
  readonly kind: string;
  readonly mid: string;
  readonly streamId: string;
  readonly trackId: string;
  readonly framesDecoded: number;
  readonly frameWidth: number;
  readonly bytesReceived: number;
  readonly audioEnergy: number;
}

/** The longest that a viewer got no packet of a kind, and the longest without a new frame. */
export interface Gaps {
  readonly audioMs: number;
  readonly videoMs: number;
  readonly framesMs: number;
}

/** Of the lowest simulcast layer. */
export const LOWEST_WIDTH = 240;

export interface SourceOptions {
  readonly audio?: number;
  readonly video?: number;
  readonly simulcast?: boolean;
  readonly codec?: string;
  /** m-lines on which the page offers to receive. */
  readonly receive?: readonly ('audio' | 'video')[];
}

/** PeerConnections in a page, by a name that the test gives them. */
interface PagePeers {
  offer(peer: string, add: SourceOptions): Promise<string>;
  accept(peer: string, answer: string): Promise<void>;
  answer(peer: string, offer: string): Promise<string>;
  stopTrack(peer: string, index: number): Promise<string>;
  restart(peer: string): Promise<string>;
  received(peer: string): Promise<Received[]>;
  watchGaps(viewer: string, peers: readonly string[]): void;
  gaps(viewer: string): Gaps;
  close(peer: string): void;
}

declare global {
  interface Window {
    peers: PagePeers;
  }
}

export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['SLUICE_CHROMIUM'] ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--disable-background-networking',
      '--autoplay-policy=no-user-gesture-required',
      '--disable-features=WebRtcHideLocalIpsWithMdns',
      '--force-webrtc-ip-handling-policy=default',
      '--allow-loopback-in-peer-connection',
    ],
  });
}

export async function openPage(browser: Browser): Promise<Page> {
  const page = await browser.newPage();
  await page.addInitScript(installPeers);
  await page.goto('about:blank');
  await page.evaluate(installPeers);
  return page;
}

/** One PeerConnection of a page. */
export class PagePeer {
  constructor(
    private readonly page: Page,
    private readonly name: string,
  ) {}

  offer(add: SourceOptions): Promise<string> {
    return this.page.evaluate(([peer, what]) => window.peers.offer(peer, what), [
      this.name,
      add,
    ] as const);
  }

  accept(answer: string): Promise<void> {
    return this.page.evaluate(([peer, sdp]) => window.peers.accept(peer, sdp), [
      this.name,
      answer,
    ] as const);
  }

  answer(offer: string): Promise<string> {
    return this.page.evaluate(([peer, sdp]) => window.peers.answer(peer, sdp), [
      this.name,
      offer,
    ] as const);
  }

  /** The offer that stops the m-line of that index. */
  stopTrack(index: number): Promise<string> {
    return this.page.evaluate(([peer, line]) => window.peers.stopTrack(peer, line), [
      this.name,
      index,
    ] as const);
  }

  restart(): Promise<string> {
    return this.page.evaluate((peer) => window.peers.restart(peer), this.name);
  }

  received(): Promise<Received[]> {
    return this.page.evaluate((peer) => window.peers.received(peer), this.name);
  }

  close(): Promise<void> {
    return this.page.evaluate((peer) => window.peers.close(peer), this.name);
  }

  /** Adds sources and negotiates them with the node. */
  async publish(session: SessionCalls, add: SourceOptions, purpose?: string) {
    const published = await session.publish(await this.offer(add), purpose);
    await this.accept(published.sdp);
    return published;
  }

  async subscribe(
    session: SessionCalls,
    publisher: string,
    overlap = false,
    purpose?: string,
  ): Promise<void> {
    const { sdp } = await session.subscribe(publisher, '', purpose, overlap);
    await session.answer(publisher, await this.answer(sdp), purpose);
  }

  /** Like {@link subscribe}, and takes every later offer. */
  async watch(session: SessionCalls, publisher: string, overlap = false): Promise<void> {
    session.follow((offer) => this.answer(offer));
    await this.subscribe(session, publisher, overlap);
  }

  /** Until exactly `count` videos decode new frames. */
  async decodes(count: number): Promise<void> {
    const before = new Map((await this.received()).map((line) => [line.mid, line.framesDecoded]));
    await eventually(async () => {
      const advancing = (await this.received()).filter(
        ({ kind, mid, framesDecoded }) =>
          kind === 'video' && framesDecoded > (before.get(mid) ?? 0) + 2,
      );
      return advancing.length === count ? undefined : `${String(advancing.length)} videos advance`;
    }, 20_000);
  }

  /** Until its widest video is as wide as `fits` wants it. */
  async hasWidth(fits: (width: number) => boolean): Promise<void> {
    await eventually(async () => {
      const widths = (await this.received()).map(({ frameWidth }) => frameWidth);
      return fits(Math.max(...widths)) ? undefined : `widths are ${widths.join(', ')}`;
    }, 20_000);
  }

  /** Until nothing of that kind came between two looks. */
  async standsStill(kind: string): Promise<void> {
    let before = -1;
    await eventually(async () => {
      const now = await this.#bytes(kind);
      const still = now === before;
      before = now;
      return still ? undefined : 'still flows';
    });
  }

  async flows(kind: string): Promise<void> {
    const before = await this.#bytes(kind);
    await eventually(async () => ((await this.#bytes(kind)) > before ? undefined : 'stands still'));
  }

  async #bytes(kind: string): Promise<number> {
    return (await this.received())
      .filter((line) => line.kind === kind)
      .reduce((sum, { bytesReceived }) => sum + bytesReceived, 0);
  }
}

/** Follows what arrives on any of the PeerConnections `peers`, as the longest gap so far. */
export class GapWatch {
  private constructor(
    private readonly page: Page,
    private readonly viewer: string,
  ) {}

  static async start(page: Page, viewer: string, peers: readonly string[]): Promise<GapWatch> {
    await page.evaluate(([name, names]) => window.peers.watchGaps(name, names), [
      viewer,
      peers,
    ] as const);
    return new GapWatch(page, viewer);
  }

  gaps(): Promise<Gaps> {
    return this.page.evaluate((viewer) => window.peers.gaps(viewer), this.viewer);
  }
}

/** Runs in the page, so it uses nothing from outside itself. */
function installPeers(): void {
  const connections = new Map<string, RTCPeerConnection>();
  const watched = new Map<string, () => Gaps>();
  let sources = 0;

  function connectionOf(peer: string): RTCPeerConnection {
    const known = connections.get(peer);
    if (known) return known;
    const made = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    connections.set(peer, made);
    // Chromium decodes sound only for who listens.
    made.ontrack = ({ track }) => {
      const element = document.createElement(track.kind === 'audio' ? 'audio' : 'video');
      element.srcObject = new MediaStream([track]);
      void element.play();
    };
    return made;
  }

  /** A picture that changes 20 times a second, large enough for three layers. */
  function videoTrack(): MediaStreamTrack {
    const canvas = document.createElement('canvas');
    canvas.width = 960;
    canvas.height = 540;
    const context = canvas.getContext('2d');
    let frame = 0;
    setInterval(() => {
      if (!context) return;
      frame += 1;
      context.fillStyle = `hsl(${String((frame * 3) % 360)} 70% 50%)`;
      context.fillRect(0, 0, 960, 540);
      context.fillStyle = 'white';
      context.fillRect((frame * 7) % 960, 200, 80, 80);
    }, 50);
    const [track] = canvas.captureStream(20).getVideoTracks();
    if (!track) throw new Error('no video track');
    // A busy machine then gives fewer frames instead of smaller ones.
    track.contentHint = 'detail';
    return track;
  }

  function audioTrack(): MediaStreamTrack {
    sources += 1;
    const context = new AudioContext();
    const oscillator = context.createOscillator();
    oscillator.frequency.value = 300 + 50 * sources;
    const destination = context.createMediaStreamDestination();
    oscillator.connect(destination);
    oscillator.start();
    const [track] = destination.stream.getAudioTracks();
    if (!track) throw new Error('no audio track');
    return track;
  }

  function addVideo(connection: RTCPeerConnection, add: SourceOptions): void {
    const transceiver = connection.addTransceiver(videoTrack(), {
      direction: 'sendonly',
      ...(add.simulcast
        ? {
            sendEncodings: [
              { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
              { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
              { rid: 'f', maxBitrate: 1_500_000 },
            ],
          }
        : {}),
    });
    const wanted = `video/${add.codec ?? 'VP8'}`.toLowerCase();
    const codecs = RTCRtpSender.getCapabilities('video')?.codecs ?? [];
    const first = codecs.filter(({ mimeType }) => mimeType.toLowerCase() === wanted);
    transceiver.setCodecPreferences([
      ...first,
      ...codecs.filter((codec) => !first.includes(codec)),
    ]);
  }

  async function offered(connection: RTCPeerConnection): Promise<string> {
    while (connection.signalingState === 'have-remote-offer') {
      await new Promise((resolve) =>
        connection.addEventListener('signalingstatechange', resolve, { once: true }),
      );
    }
    await connection.setLocalDescription(await connection.createOffer());
    return connection.localDescription?.sdp ?? '';
  }

  window.peers = {
    async offer(peer, add) {
      const connection = connectionOf(peer);
      for (let index = 0; index < (add.audio ?? 0); index += 1) {
        connection.addTransceiver(audioTrack(), { direction: 'sendonly' });
      }
      for (let index = 0; index < (add.video ?? 0); index += 1) addVideo(connection, add);
      for (const kind of add.receive ?? [])
        connection.addTransceiver(kind, { direction: 'recvonly' });
      return offered(connection);
    },
    async accept(peer, answer) {
      await connectionOf(peer).setRemoteDescription({ type: 'answer', sdp: answer });
    },
    async answer(peer, offer) {
      const connection = connectionOf(peer);
      await connection.setRemoteDescription({ type: 'offer', sdp: offer });
      await connection.setLocalDescription(await connection.createAnswer());
      return connection.localDescription?.sdp ?? '';
    },
    async stopTrack(peer, index) {
      const connection = connectionOf(peer);
      connection.getTransceivers()[index]?.stop();
      return offered(connection);
    },
    async restart(peer) {
      const connection = connectionOf(peer);
      connection.restartIce();
      return offered(connection);
    },
    async received(peer) {
      const connection = connectionOf(peer);
      const streams = new Map(
        connection.getTransceivers().map(({ mid, receiver }) => [mid, receiver.track]),
      );
      const found: Received[] = [];
      for (const report of (await connection.getStats()).values() as Iterable<
        Record<string, string | number>
      >) {
        if (report['type'] !== 'inbound-rtp') continue;
        const mid = String(report['mid']);
        const description = connection.remoteDescription?.sdp.split('\r\nm=') ?? [];
        const section = description.find((part) => part.includes(`\r\na=mid:${mid}\r\n`)) ?? '';
        const [, streamId = ''] = /\r\na=msid:(\S+)/.exec(section) ?? [];
        found.push({
          kind: String(report['kind']),
          mid,
          streamId,
          trackId: streams.get(mid)?.id ?? '',
          framesDecoded: Number(report['framesDecoded'] ?? 0),
          frameWidth: Number(report['frameWidth'] ?? 0),
          bytesReceived: Number(report['bytesReceived'] ?? 0),
          audioEnergy: Number(report['totalAudioEnergy'] ?? 0),
        });
      }
      return found;
    },
    watchGaps(viewer, peers) {
      const seen = new Map<string, number>();
      const last = {
        audio: performance.now(),
        video: performance.now(),
        frames: performance.now(),
      };
      const longest = { audio: 0, video: 0, frames: 0 };
      const note = (what: 'audio' | 'video' | 'frames', key: string, count: number) => {
        if (count <= (seen.get(key) ?? 0)) return;
        seen.set(key, count);
        const nowMs = performance.now();
        longest[what] = Math.max(longest[what], nowMs - last[what]);
        last[what] = nowMs;
      };
      const look = async () => {
        for (const peer of peers) {
          const stats = await connections.get(peer)?.getStats();
          for (const report of (stats?.values() ?? []) as Iterable<
            Record<string, string | number>
          >) {
            if (report['type'] !== 'inbound-rtp') continue;
            const kind = report['kind'] === 'audio' ? 'audio' : 'video';
            const id = `${peer} ${String(report['id'])} ${String(report['ssrc'])}`;
            note(kind, id, Number(report['packetsReceived'] ?? 0));
            if (kind === 'video') note('frames', `${id} f`, Number(report['framesDecoded'] ?? 0));
          }
        }
        setTimeout(() => void look(), 20);
      };
      void look();
      watched.set(viewer, () => {
        const nowMs = performance.now();
        return {
          audioMs: Math.round(Math.max(longest.audio, nowMs - last.audio)),
          videoMs: Math.round(Math.max(longest.video, nowMs - last.video)),
          framesMs: Math.round(Math.max(longest.frames, nowMs - last.frames)),
        };
      });
    },
    gaps(viewer) {
      const read = watched.get(viewer);
      if (!read) throw new Error(`${viewer} is not watched`);
      return read();
    },
    close(peer) {
      connections.get(peer)?.close();
      connections.delete(peer);
    },
  };
}
