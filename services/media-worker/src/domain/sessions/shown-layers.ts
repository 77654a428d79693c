import type { Consumer } from 'mediasoup/types';
import type { Clock, Timer } from '@sluice/core';
import { LayerCeiling } from './layer-ceiling.js';
import type { LinkProbes } from './link-probes.js';

export interface WishedLayers {
  readonly spatial?: number | undefined;
  readonly temporal?: number | undefined;
}

/** Above any layer there is; mediasoup takes the highest then. */
const HIGHEST_LAYER = 7;

export interface ShownLayersOptions {
  readonly consumer: Consumer;
  /** Of the PeerConnection that the consumer is on. */
  readonly probes: LinkProbes;
  readonly clock: Clock;
  /** Whether the client should be getting packets of it. */
  readonly flows: () => boolean;
}

/**
 * Which layers of a picture one viewer is sent: mediasoup chooses by what it believes the link
 * carries, within what the viewer wishes and what the link has shown to be too much. Audio, and video
 * without layers, has none.
 */
export class ShownLayers {
  readonly #ceiling = new LayerCeiling();
  readonly #layered: boolean;
  #wished: WishedLayers = {};
  #shown: number | undefined;
  #lowestAlone = false;
  #rest: Timer | undefined;

  constructor(private readonly options: ShownLayersOptions) {
    const { consumer, probes } = options;
    this.#layered = consumer.type === 'simulcast' || consumer.type === 'svc';
    if (!this.#layered) return;
    consumer.on('layerschange', (layers) => this.#onShown(layers?.spatialLayer));
    consumer.observer.once('close', () => {
      this.#rest?.cancel();
      probes.satisfied(this);
    });
  }

  get videoProducerId(): string {
    return this.options.consumer.producerId;
  }

  /** The highest that the viewer wants, where it wants less than all. */
  async wish(wished: WishedLayers): Promise<void> {
    const untouched = this.#wished.spatial === undefined && this.#wished.temporal === undefined;
    this.#wished = wished;
    if (untouched && wished.spatial === undefined && wished.temporal === undefined) return;
    this.#probe();
    await this.#prefer();
  }

  /** The viewer cannot put together pictures of several spatial layers. */
  keepLowest(): void {
    this.#lowestAlone = true;
    void this.#prefer();
  }

  get #highest(): number {
    if (this.#lowestAlone && this.options.consumer.type === 'svc') return 0;
    return Math.min(this.#wished.spatial ?? HIGHEST_LAYER, HIGHEST_LAYER);
  }

  #onShown(spatial: number | undefined): void {
    const { clock, consumer } = this.options;
    this.#probe();
    // What the publisher sends no more is not the link's fault. In SVC nothing tells.
    const ended = consumer.score.producerScores[this.#shown ?? 0] === 0;
    const wished = ended ? (spatial ?? 0) : this.#highest;
    this.#shown = spatial ?? this.#shown;
    const restMs = this.#ceiling.show(spatial, wished, clock.nowMs());
    if (restMs === undefined) return;
    this.#rest?.cancel();
    this.#rest = clock.after(restMs, () => {
      this.#ceiling.lift();
      void this.#prefer();
    });
    void this.#prefer();
    void this.#drain();
  }

  /**
   * What the viewer still asks for again of the larger picture would fill a link that is full already,
   * for seconds, and nobody can use it. A consumer that was paused sends nothing again of what it sent
   * before, and begins with a keyframe; the publisher's next one leaves the link a moment to empty.
   */
  async #drain(): Promise<void> {
    const { consumer, flows } = this.options;
    if (!flows() || consumer.closed) return;
    try {
      // Both at once, so that nothing comes between them.
      await Promise.all([consumer.pause(), consumer.resume()]);
    } catch {
      // It closed meanwhile.
    }
  }

  #probe(): void {
    const { consumer, probes } = this.options;
    const wanted = Math.min(this.#highest, spatialLayersOf(consumer) - 1);
    const shown = consumer.currentLayers?.spatialLayer ?? wanted;
    if (shown < wanted) probes.wanted(this);
    else probes.satisfied(this);
  }

  async #prefer(): Promise<void> {
    const { consumer } = this.options;
    if (!this.#layered || consumer.closed) return;
    const { temporal } = this.#wished;
    try {
      await consumer.setPreferredLayers({
        spatialLayer: Math.min(this.#highest, this.#ceiling.spatial ?? HIGHEST_LAYER),
        temporalLayer: Math.min(temporal ?? HIGHEST_LAYER, HIGHEST_LAYER),
      });
    } catch {
      // It closed meanwhile: whoever wished for these layers has nothing left to see.
    }
  }
}

/** As the consumer's one encoding declares them. */
function spatialLayersOf({ rtpParameters }: Consumer): number {
  const mode = rtpParameters.encodings?.[0]?.scalabilityMode ?? '';
  return Number(/^[LS](\d+)/.exec(mode)?.[1] ?? 1);
}
