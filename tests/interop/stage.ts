import { networkInterfaces } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Cluster } from '@sluice/local-cluster';
import { eventually } from '@sluice/testing';
import { PageServer } from '@sluice/testing/browser';
import { BrowserKit, type BrowserParticipant } from '../browser/participant.js';
import { startClusterUnderTest } from '../cluster-under-test.js';
import { HERE, type Placed } from '../network/doorways.js';
import { Namespace } from '../network/namespace.js';
import type { InteropClient } from './clients/client.js';
import type { PublishWanted, Relay, Reply } from './page/commands.js';

/** Where `tsc -b` puts the scripts of ./page, and what they share with those of ../browser/page. */
const PAGE_SCRIPTS = ['../dist/interop/page', '../dist/browser/page'].map((folder) =>
  fileURLToPath(new URL(folder, import.meta.url)),
);
const PLAYBACK_TIMEOUT_MS = 15_000;
const FRAMES_TO_SEE = 10;

/** Where a row plays: a node on IPv6, or a client whose network can fail. */
export type Network = 'ipv4' | 'ipv6' | 'namespace';

/** Whoever is tested, in a room with a Chromium whose home is another node. */
export interface Scene {
  readonly room: string;
  readonly client: InteropClient;
  readonly viewer: BrowserParticipant;
  readonly stage: Stage;
}

/**
 * What all scenes share: a cluster, one whose second node is on IPv6, a Chromium, and a network
 * namespace with the same pages and gateways on its loopback.
 */
export class Stage {
  #scenes = 0;
  /** Ends when the last one who asked for it has left the namespace. */
  #namespaceFree: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly browsers: BrowserKit,
    readonly pages: PageServer,
    private readonly clusters: { readonly ipv4: Cluster; readonly ipv6: Cluster },
    private readonly separate: Namespace | undefined,
  ) {}

  static async open(): Promise<Stage> {
    const listen = (ip: string) => ({ SLUICE_MEDIA_LISTEN_IP: ip });
    const namespace = Namespace.lacks() === undefined ? await Namespace.create() : undefined;
    const ip = mediaAddressBeside(namespace);
    const [browsers, pages, ipv4, ipv6] = await Promise.all([
      BrowserKit.open(),
      PageServer.start(...PAGE_SCRIPTS),
      startClusterUnderTest('interop', { overrides: { node: listen(ip) } }),
      startClusterUnderTest('interop-ipv6', {
        overrides: { 'node-1': listen(ip), 'node-2': listen('::1') },
      }),
    ]);
    for (const url of [pages.url, ipv4.ws]) await namespace?.lead(Number(new URL(url).port));
    return new Stage(browsers, pages, { ipv4, ipv6 }, namespace);
  }

  /** Where the media of `ipv4` and `namespace` is. */
  get mediaAddress(): string {
    return mediaAddressBeside(this.separate);
  }

  /** One at a time is in the namespace, as each fails its network; in the others are all who want. */
  async alone(network: Network, work: (network: Network) => Promise<void>): Promise<void> {
    if (network !== 'namespace') return work(network);
    const working = this.#namespaceFree.then(() => work(network));
    this.#namespaceFree = working.catch(() => undefined);
    return working;
  }

  /** Why it has no such network. */
  lacks(network: Network): string | undefined {
    return network === 'namespace' ? Namespace.lacks() : undefined;
  }

  get namespace(): Namespace {
    if (!this.separate) throw new Error('there is no network namespace');
    return this.separate;
  }

  /** How a client that is in that network is started. */
  place(network: Network): Placed {
    return network === 'namespace' ? this.namespace.place : HERE;
  }

  /** Brings both into a new room: the viewer first, on `node-1`; the client is on `node-2` then. */
  async scene(client: InteropClient, network: Network, relay?: Relay): Promise<Scene> {
    this.#scenes += 1;
    const room = `interop-${this.#scenes}`;
    const cluster = network === 'ipv6' ? this.clusters.ipv6 : this.clusters.ipv4;
    const viewer = await this.browsers.participant(
      cluster.ws,
      await cluster.token({ subject: 'viewer' }),
    );
    while ((await viewer.join(room)) !== 'node-1') {
      await viewer.request({ type: 'leave-room', roomName: room });
    }
    const token = await cluster.token({ subject: 'client' });
    await client.run({ do: 'connect', url: cluster.ws, token, ...(relay && { relay }) });
    const { node } = await client.run({ do: 'join', room });
    if (node !== 'node-2') throw new Error(`the client is on ${String(node)}`);
    return { room, client, viewer, stage: this };
  }

  async close(): Promise<void> {
    await this.browsers.close();
    await this.pages.stop();
    await Promise.all([this.clusters.ipv4.stop(), this.clusters.ipv6.stop()]);
    await this.separate?.close();
  }
}

function mediaAddressBeside(namespace: Namespace | undefined): string {
  return namespace?.uplink.outsideAddress ?? routableAddress();
}

/** Some implementations take no candidate on loopback, so media is on an address of the machine. */
export function routableAddress(): string {
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
export async function watchedByClient(scene: Scene, tcpOnly = false): Promise<void> {
  const { client, viewer, room } = scene;
  await viewer.publish({ room, audio: true, video: { width: 640, height: 480 } });
  await client.run({ do: 'subscribe', room, publisher: 'viewer', ...(tcpOnly && { tcpOnly }) });
  await clientDecodes(scene);
}

/** Waits until the client has decoded some frames, and some of the sound, since now. */
export async function clientDecodes({ client }: Scene): Promise<void> {
  const decoded = async () => {
    const { received } = await client.run({ do: 'received' });
    return { frames: received?.decodedFrames ?? 0, audio: received?.audio ?? 0 };
  };
  const before = await decoded();
  await eventually(async () => {
    const now = await decoded();
    const [frames, audio] = [now.frames - before.frames, now.audio - before.audio];
    return frames >= FRAMES_TO_SEE && audio > 0
      ? undefined
      : `${frames} video frames and ${audio} of audio were decoded`;
  }, PLAYBACK_TIMEOUT_MS);
}
