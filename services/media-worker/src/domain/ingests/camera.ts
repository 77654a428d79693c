import type { Closable } from '@sluice/core';
import type { CameraTrack } from './camera-description.js';
import type { IngestFailure } from './ingest-failure.js';

/** Where the RTP of one track goes, on loopback. */
export interface RtpTarget {
  readonly kind: CameraTrack['kind'];
  readonly ip: string;
  readonly rtpPort: number;
  readonly rtcpPort: number;
  readonly payloadType: number;
  readonly ssrc: number;
}

/** A camera that has said what it has. It closes when it can no longer be pulled from. */
export interface Camera extends Closable {
  readonly tracks: readonly CameraTrack[];
  readonly receivedBytes: number;
  /** Its pictures come in another order than they are shown in. */
  readonly reordersFrames: boolean;
  /** Why it closed, unless it was asked to. */
  readonly failure: IngestFailure | undefined;
  /** Plays it, each track to its target. @throws {IngestFailure} */
  start(targets: readonly RtpTarget[]): Promise<void>;
}

export interface Cameras {
  /** Connects and asks what there is. @throws {IngestFailure} */
  open(url: string): Promise<Camera>;
}
