import type { Cluster, ClusterOptions } from '@sluice/local-cluster';
import { afterAll, beforeAll } from 'vitest';
import { BrowserKit, type BrowserParticipant } from './browser/participant.js';
import { reportOf, startClusterUnderTest, type Relay, type Stream } from './cluster-under-test.js';

/** Somebody in a room. */
export interface Entered {
  readonly participant: BrowserParticipant;
  /** The id of the home node. */
  readonly node: string;
}

/** One cluster and one Chromium for all tests of a file. */
export class Scene {
  #cluster: Cluster | undefined;
  #browsers: BrowserKit | undefined;
  readonly #present: BrowserParticipant[] = [];

  /** Registers its own start before, and its stop after, all tests of the calling file. */
  static ofThisFile(name: string, options: Partial<ClusterOptions> = {}): Scene {
    const scene = new Scene();
    beforeAll(async () => {
      scene.#cluster = await startClusterUnderTest(name, options);
      scene.#browsers = await BrowserKit.open();
    });
    afterAll(async () => {
      await scene.#browsers?.close();
      await scene.#cluster?.stop();
    });
    return scene;
  }

  get cluster(): Cluster {
    if (!this.#cluster) throw new Error('the scene is not set up yet');
    return this.#cluster;
  }

  get browsers(): BrowserKit {
    if (!this.#browsers) throw new Error('the scene is not set up yet');
    return this.#browsers;
  }

  /** Brings somebody into a room, on the given node or wherever the cluster places them. */
  async enter(room: string, subject: string, node?: string): Promise<Entered> {
    const token = await this.cluster.token({ subject });
    const participant = await this.browsers.participant(this.cluster.ws, token);
    this.#present.push(participant);
    let home = await participant.join(room);
    // Each new session of a room goes to another node than the last one.
    while (node !== undefined && home !== node) {
      await participant.request({ type: 'leave-room', roomName: room });
      home = await participant.join(room);
    }
    return { participant, node: home };
  }

  async everybodyLeaves(): Promise<void> {
    await Promise.all(this.#present.splice(0).map((participant) => participant.leave()));
  }

  relays(room: string): Promise<readonly Relay[]> {
    return reportOf(this.cluster.api).relays(room);
  }

  streams(room: string): Promise<readonly Stream[]> {
    return reportOf(this.cluster.api).streams(room);
  }
}
