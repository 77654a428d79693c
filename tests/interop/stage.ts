import { networkInterfaces } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Cluster } from '@sluice/local-cluster';
import { eventually } from '@sluice/testing';
import { PageServer } from '@sluice/testing/browser';
import { BrowserKit, type BrowserParticipant } from '../browser/participant.js';
import { startClusterUnderTest } from '../cluster-under-test.js';
import type { InteropClient } from './clients/client.js';
import type { PublishWanted, Reply } from './page/commands.js';

/** Where `tsc -b` puts the scripts of ./page. */
const PAGE_SCRIPTS = fileURLToPath(new URL('../dist/interop/page', import.meta.url));
const PLAYBACK_TIMEOUT_MS = 15_000;
const FRAMES_TO_SEE = 10;

/** Whoever is tested, in a room with a Chromium whose home is another node. */
export interface Scene {
  readonly room: string;
  readonly client: InteropClient;
  readonly viewer: BrowserParticipant;
}

/** What all scenes share: a cluster, one whose second node is on IPv6, and a Chromium. */
export class Stage {
  #scenes = 0;

  private constructor(
    readonly browsers: BrowserKit,
    readonly pages: PageServer,
    private readonly cluster: Cluster,
    private readonly ipv6: Cluster,
  ) {}

  static async open(): Promise<Stage> {
    const listen = (ip: string) => ({ SLUICE_MEDIA_LISTEN_IP: ip });
    const ip = routableAddress();
    const [browsers, pages, cluster, ipv6] = await Promise.all([
      BrowserKit.open(),
      PageServer.start(PAGE_SCRIPTS),
      startClusterUnderTest('interop', { overrides: { node: listen(ip) } }),
      startClusterUnderTest('interop-ipv6', {
        overrides: { 'node-1': listen(ip), 'node-2': listen('::1') },
      }),
    ]);
    return new Stage(browsers, pages, cluster, ipv6);
  }

  /** Brings both into a new room: the viewer first, on `node-1`; the client is on `node-2` then. */
  async scene(client: InteropClient, network: 'ipv4' | 'ipv6'): Promise<Scene> {
    this.#scenes += 1;
    const room = `interop-${this.#scenes}`;
    const cluster = network === 'ipv6' ? this.ipv6 : this.cluster;
    const viewer = await this.browsers.participant(
      cluster.ws,
      await cluster.token({ subject: 'viewer' }),
    );
    while ((await viewer.join(room)) !== 'node-1') {
      await viewer.request({ type: 'leave-room', roomName: room });
    }
    const token = await cluster.token({ subject: 'client' });
    await client.run({ do: 'connect', url: cluster.ws, token });
    const { node } = await client.run({ do: 'join', room });
    if (node !== 'node-2') throw new Error(`the client is on ${String(node)}`);
    return { room, client, viewer };
  }

  async close(): Promise<void> {
    await this.browsers.close();
    await this.pages.stop();
    await Promise.all([this.cluster.stop(), this.ipv6.stop()]);
  }
}

/** Some implementations take no candidate on loopback, so media is on an address of the machine. */
function routableAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((some) => some ?? []);
  const found = addresses.find(({ internal, family }) => !internal && family === 'IPv4');
  return found?.address ?? '127.0.0.1';
}

/** The client publishes and the viewer subscribes to it. */
export async function publishTo(
  { client, viewer, room }: Scene,
  wanted: Omit<PublishWanted, 'room'>,
): Promise<Reply> {
  const reply = await client.run({ do: 'publish', room, ...wanted });
  await viewer.until('new-publisher', { publisherId: 'client' });
  await viewer.subscribe({ room, publisher: 'client' });
  return reply;
}

/** The viewer publishes and the client subscribes and says what it decodes. */
export async function watchedByClient(
  { client, viewer, room }: Scene,
  tcpOnly = false,
): Promise<void> {
  await viewer.publish({ room, audio: true, video: { width: 640, height: 480 } });
  await client.run({
    do: 'subscribe',
    room,
    publisher: 'viewer',
    ...(tcpOnly && { tcpOnly }),
  });
  await eventually(async () => {
    const { received } = await client.run({ do: 'received' });
    const { decodedFrames = 0, audio = 0 } = received ?? {};
    return decodedFrames >= FRAMES_TO_SEE && audio > 0
      ? undefined
      : `${decodedFrames} video frames and ${audio} of audio were decoded`;
  }, PLAYBACK_TIMEOUT_MS);
}
