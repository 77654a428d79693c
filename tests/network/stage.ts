import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from '@sluice/local-cluster';
import { BrowserKit, type BrowserParticipant } from '../browser/participant.js';
import type { VideoWanted } from '../browser/page/media.js';
import { seeVideo } from '../browser/playback.js';
import { startClusterUnderTest } from '../cluster-under-test.js';
import type { Namespace } from './namespace.js';

export const FULL = { width: 640, height: 480 };
export const ALICE = { publisher: 'alice' };
/** Alice's node; the other one gets her stream by a pipe. */
export const ORIGIN = 'node-1';
export const EDGE = 'node-2';

/** Where cora is, and how alice sends her picture. */
export interface Scenery extends Pick<VideoWanted, 'layers' | 'svc'> {
  readonly corasNode: string;
}

type Overrides = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** A cluster of two nodes, a Chromium beside it, and one that reaches it over a network of its own. */
export class Stage {
  private constructor(
    readonly namespace: Namespace,
    private readonly cluster: Cluster,
    private readonly here: BrowserKit,
    private readonly there: BrowserKit,
  ) {}

  static async open(name: string, namespace: Namespace, overrides: Overrides = {}): Promise<Stage> {
    const media = { SLUICE_MEDIA_LISTEN_IP: namespace.uplink.outsideAddress };
    const [cluster, here, there] = await Promise.all([
      startClusterUnderTest(name, {
        nodes: 2,
        overrides: {
          [ORIGIN]: { ...media, ...overrides[ORIGIN] },
          [EDGE]: { ...media, ...overrides[EDGE] },
        },
      }),
      BrowserKit.open(),
      BrowserKit.open(namespace.place),
    ]);
    for (const url of [there.pageUrl, cluster.ws]) await namespace.lead(Number(new URL(url).port));
    return new Stage(namespace, cluster, here, there);
  }

  /** Alice is seen in full by ben, whose network is bad, and by cora. */
  async threeIn(room: string, { corasNode, ...video }: Scenery) {
    const alice = await this.#enter(room, this.here, 'alice', ORIGIN);
    const ben = await this.#enter(room, this.there, 'ben', ORIGIN);
    const cora = await this.#enter(room, this.here, 'cora', corasNode);
    await alice.publish({ room, audio: true, video: { ...FULL, ...video } });
    for (const viewer of [ben, cora]) {
      await viewer.until('new-publisher', { publisherId: 'alice' });
      await viewer.subscribe({ room, publisher: 'alice' });
      await seeVideo(viewer, ALICE, FULL.width);
    }
    const leave = () => Promise.all([alice, ben, cora].map((one) => one.leave()));
    return { ben, cora, leave };
  }

  async close(): Promise<void> {
    await this.here.close();
    await this.there.close();
    await this.cluster.stop();
    await this.namespace.close();
  }

  async #enter(room: string, kit: BrowserKit, subject: string, node: string) {
    const participant = await kit.participant(
      this.cluster.ws,
      await this.cluster.token({ subject }),
    );
    while ((await participant.join(room)) !== node) {
      await participant.request({ type: 'leave-room', roomName: room });
    }
    return participant;
  }
}

/** Bits per second that a viewer gets of Alice's picture, over one second. */
export async function bitrateOf(viewer: BrowserParticipant): Promise<number> {
  const bytes = async () => (await viewer.receivedVideo(ALICE))?.bytes ?? 0;
  const [before, atMs] = [await bytes(), performance.now()];
  await delay(1_000);
  return (((await bytes()) - before) * 8_000) / (performance.now() - atMs);
}
