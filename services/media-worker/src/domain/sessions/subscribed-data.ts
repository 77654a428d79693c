import { Resource } from '@sluice/core';
import { CHANNEL_REASONS, type DataChannel } from '../data/data-channel.js';
import type { DataChannels } from '../data/data-channels.js';
import { sizeClassesWithin } from '../data/data-message.js';
import type { DataTrack } from '../data/data-track.js';

/** Where a subscription's data channels are opened. */
export interface DataCarrier {
  /** Negotiated, and whether or not SCTP is up. */
  readonly data: { readonly channels: DataChannels; readonly maxMessageBytes: number } | undefined;
  /** Has data channels negotiated, with the next offer. */
  wantData(): void;
}

export interface SubscribedDataEvents {
  opened: (trackId: string, channel: DataChannel) => void;
  /** The client read too slowly: it gets no more of that track. */
  notRead: (trackId: string) => void;
}

interface Line {
  readonly track: DataTrack;
  channel: DataChannel | undefined;
}

/** The data tracks of one subscription, each a channel that we open in the client. */
export class SubscribedData extends Resource {
  readonly #lines = new Map<string, Line>();
  /** Whose channel the client has closed, or could not keep up with: it is not opened again. */
  readonly #given = new WeakSet<DataTrack['producer']>();
  #tracks: ReadonlyMap<string, DataTrack> = new Map();

  constructor(
    private readonly carrier: DataCarrier,
    private readonly events: SubscribedDataEvents,
  ) {
    super();
  }

  /** Makes the channels those of `tracks`, as soon as that can be. */
  follow(tracks: ReadonlyMap<string, DataTrack>): void {
    this.#tracks = tracks;
    if (tracks.size > 0 && !this.carrier.data) this.carrier.wantData();
    this.open();
    for (const [trackId, { channel }] of [...this.#lines]) {
      if (tracks.has(trackId)) continue;
      this.#lines.delete(trackId);
      channel?.close('the track has ended');
    }
  }

  /** SCTP is up, or the tracks are others. */
  open(): void {
    if (this.closed || !this.carrier.data?.channels.connected) return;
    for (const track of this.#tracks.values()) {
      const { producer } = track;
      const known = this.#lines.get(track.trackId);
      if (known?.track.producer === producer || this.#given.has(producer)) continue;
      if (!producer.closed) void this.#open(track, known);
    }
  }

  protected override release(): void {
    for (const { channel } of this.#lines.values()) channel?.close('unsubscribed');
    this.#lines.clear();
  }

  /** One that replaces another is there before that goes. */
  async #open(track: DataTrack, before: Line | undefined): Promise<void> {
    const { data } = this.carrier;
    if (!data) return;
    const { trackId, parameters, producer } = track;
    const line: Line = { track, channel: undefined };
    this.#lines.set(trackId, line);
    try {
      const sizeClasses = sizeClassesWithin(data.maxMessageBytes);
      const channel = await data.channels.openChannel(parameters, { producer, sizeClasses });
      line.channel = channel;
      before?.channel?.close('replaced');
      if (this.#lines.get(trackId) !== line) {
        channel.close('the track has ended');
        return;
      }
      channel.onClosed((reason) => this.#onClosed(line, reason));
      this.events.opened(trackId, channel);
    } catch {
      // The connection or the track went away meanwhile, or there is no room for more channels.
      if (this.#lines.get(trackId) === line) this.#lines.delete(trackId);
    }
  }

  #onClosed({ track: { trackId, producer } }: Line, reason: string): void {
    if (this.#lines.get(trackId)?.track.producer !== producer) return;
    this.#lines.delete(trackId);
    this.#given.add(producer);
    if (reason === CHANNEL_REASONS.notRead) this.events.notRead(trackId);
  }
}
