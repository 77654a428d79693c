import type { Closable, ResourceEvents, SluiceError } from '@sluice/core';
import type { Connection, ConnectionSettings } from './connection.js';
import type { CopyTrack } from '../streams/stream-copy.js';
import type { Measured } from '../traffic.js';
import type { DataChannel } from '../data/data-channel.js';

export interface PublishingSettings extends ConnectionSettings {
  readonly tracksMax: number;
}

export interface IncomingStreamEvents extends ResourceEvents {
  /** Media of all its tracks can be had, or could if the client were not mute: emitted once. */
  flowing: [];
  /** A negotiation has added or removed tracks. */
  changed: [];
  /** A track's producer ends; another one takes its place in a moment, and `changed` follows. */
  renewing: [trackId: string];
  /** Its client has opened a data channel that belongs to it. */
  channel: [channel: DataChannel];
  /** Something that its client did with data channels was refused. */
  refused: [error: SluiceError];
}

/** One stream as it arrives from its client, on a PeerConnection of its own or with others. */
export interface IncomingStream extends Closable {
  /** What is received now. */
  readonly tracks: readonly CopyTrack[];
  readonly flowing: boolean;
  /** Its client's; none where we dialled. */
  readonly connection: Connection | undefined;
  /** By which it comes then, for measuring. */
  readonly feed?: Measured;
  /** Whether it is over once its last track is gone; else its PeerConnection says when. */
  readonly endsWhenEmpty: boolean;
  /** Once lost, its stream waits for another in its place until its owner ends it; else a moment. */
  readonly ownerEnds?: boolean;
  /** Data channels that belong to it. */
  readonly channels?: readonly DataChannel[];
  on<K extends Exclude<keyof IncomingStreamEvents, 'closed'>>(
    event: K,
    listener: (...args: IncomingStreamEvents[K]) => void,
  ): unknown;
}
