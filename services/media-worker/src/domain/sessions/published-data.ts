import type { DataProducer } from 'mediasoup/types';
import { Resource, SluiceError } from '@sluice/core';
import type { DataMessage } from '../data/channel-table.js';
import type { DataChannel } from '../data/data-channel.js';
import { Sealer } from '../data/data-seal.js';
import { DataOutlet, type DataTrack, type SealedData } from '../data/data-track.js';
import { PPID, sameParameters, type ChannelParameters } from '../data/dcep.js';
import type { HomeRouter } from '../routers/home-router.js';
import type { StreamCopy } from '../streams/stream-copy.js';

/** One data track at its origin. */
class PublishedTrack extends Resource {
  /** By the PeerConnection on which they are: its client's next one brings another. */
  readonly #sources = new Map<object, DataChannel>();
  readonly #sealer = new Sealer();
  /** What came before it was ready. */
  readonly #early: DataMessage[] = [];
  #outlet: DataOutlet | undefined;
  #sealing: Promise<DataProducer> | undefined;
  #sealed: DataProducer | undefined;

  constructor(
    readonly trackId: string,
    readonly parameters: ChannelParameters,
  ) {
    super();
  }

  takes({ parameters }: DataChannel, from: object): boolean {
    return !this.#sources.has(from) && sameParameters(parameters, this.parameters);
  }

  join(channel: DataChannel, from: object): void {
    this.#sources.set(from, channel);
    channel.on('message', (message) => this.#send(message));
    channel.onClosed(() => {
      this.#sources.delete(from);
      if (this.#sources.size === 0) this.close('its channel has closed');
    });
  }

  async open(home: HomeRouter): Promise<DataTrack> {
    const outlet = this.own(await DataOutlet.open(home));
    if (this.closed) throw new SluiceError('UNAVAILABLE', 'the channel has closed');
    this.#outlet = outlet;
    for (const message of this.#early.splice(0)) this.#send(message);
    const { trackId, parameters } = this;
    return { trackId, parameters, producer: outlet.producer, sealed: () => this.#seal(outlet) };
  }

  async #seal(outlet: DataOutlet): Promise<SealedData> {
    this.#sealing ??= outlet.produce();
    this.#sealed = await this.#sealing;
    return { producer: this.#sealed, key: this.#sealer.key };
  }

  #send(message: DataMessage): void {
    if (!this.#outlet) {
      this.#early.push(message);
      return;
    }
    this.#outlet.send(message);
    if (this.#sealed?.closed !== false) return;
    this.#sealed.send(this.#sealer.seal(message), PPID.binary);
  }
}

/** The data channels by which a client publishes a stream, as tracks of it. */
export class PublishedData extends Resource {
  readonly #tracks = new Map<string, PublishedTrack>();

  constructor(
    private readonly copy: StreamCopy,
    private readonly home: HomeRouter,
  ) {
    super();
  }

  /** A channel on the PeerConnection `from`; it continues one of the same kind on another. */
  join(channel: DataChannel, from: object): void {
    if (this.closed || channel.closed) return;
    const known = [...this.#tracks.values()].find((track) => track.takes(channel, from));
    if (known) known.join(channel, from);
    else void this.#add(channel, from);
  }

  async #add(channel: DataChannel, from: object): Promise<void> {
    const track = new PublishedTrack(this.#freeId(), channel.parameters);
    const { trackId } = track;
    this.#tracks.set(trackId, track);
    track.onClosed(() => {
      this.#tracks.delete(trackId);
      this.copy.removeData(trackId);
    });
    this.own(track);
    track.join(channel, from);
    try {
      const made = await track.open(this.home);
      if (!track.closed) this.copy.putData(made);
    } catch {
      // Its channel has closed meanwhile, or the worker has died.
      track.close();
    }
  }

  #freeId(): string {
    let trackId = 'data';
    for (let number = 2; this.#tracks.has(trackId); number += 1) trackId = `data-${String(number)}`;
    return trackId;
  }
}
