import { wantedLayers, type Quality } from './layers.js';
import { streamKey, type StreamKey } from './stream-key.js';
import type { Layers, Publisher, PublisherName } from './wire.js';

/** A stream of somebody else, as this client receives it. */
export class RemoteStream {
  readonly key: StreamKey;
  readonly name: PublisherName;
  readonly username: string;
  /** For a media element; its tracks come and go, the object stays. */
  readonly media = new MediaStream();
  quality: Quality = 'auto';
  /** How often the server could not go on sending it. */
  interruptions = 0;
  /** Set while it waits to be asked for again. */
  retry: ReturnType<typeof setTimeout> | undefined;
  /** Physical pixels of width at which it is shown. */
  shownWidthPx: number | undefined;
  #asked: Layers | undefined;

  constructor({ publisherId, purpose, username }: Publisher) {
    this.key = streamKey(publisherId, purpose);
    this.name = { publisherId, purpose };
    this.username = username;
  }

  /** Shows exactly these tracks; returns whether that changed anything. */
  setTracks(tracks: ReadonlySet<MediaStreamTrack>): boolean {
    const shown = new Set(this.media.getTracks());
    const gone = [...shown].filter((track) => !tracks.has(track));
    const come = [...tracks].filter((track) => !shown.has(track));
    // In this order: a media element that has no picture for an instant turns black.
    for (const track of come) this.media.addTrack(track);
    for (const track of gone) this.media.removeTrack(track);
    return gone.length + come.length > 0;
  }

  /** The layers to ask the server for now; undefined while they are as last asked. */
  layersToAsk(): Layers | undefined {
    const wanted = wantedLayers(this.quality, this.shownWidthPx);
    if (this.#asked?.spatial === wanted.spatial && this.#asked.temporal === wanted.temporal) {
      return undefined;
    }
    this.#asked = wanted;
    return wanted;
  }

  /** The server has a new subscription, which knows nothing of earlier wishes. */
  forgetLayers(): void {
    this.#asked = undefined;
  }
}
