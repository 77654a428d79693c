import type { Closable, ResourceEvents } from '@sluice/core';
import type { Connection, ConnectionSettings } from './connection.js';
import type { CopyTrack } from '../streams/stream-copy.js';
import type { Measured } from '../traffic.js';

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
  /** How long its stream waits for another in its place when it is lost; else a moment. */
  readonly replacementMs?: number;
  on<Event extends 'flowing' | 'changed' | 'renewing'>(
    event: Event,
    listener: (...values: IncomingStreamEvents[Event]) => void,
  ): unknown;
}
