/** What this process asks of the process that holds the ICE agents. `peer` tells them apart. */
export type ToAgent =
  | {
      readonly type: 'open';
      readonly peer: number;
      readonly target: UdpAddress;
      /** Bits per second of media; what is beyond is dropped. */
      readonly mediaLimitBps: number;
    }
  | { readonly type: 'openChannel'; readonly peer: number; readonly label: string }
  | {
      readonly type: 'offer';
      readonly peer: number;
      readonly request: number;
      /** m-lines that are new in this offer. */
      readonly receive: readonly MediaLine[];
    }
  | {
      readonly type: 'accept';
      readonly peer: number;
      readonly request: number;
      readonly sdp: string;
    }
  | { readonly type: 'say'; readonly peer: number; readonly label: string; readonly text: string }
  | { readonly type: 'close'; readonly peer: number };

/** What that process says. */
export type FromAgent =
  /** The UDP socket to and from which it passes media. */
  | { readonly type: 'bridged'; readonly peer: number; readonly port: number }
  | {
      readonly type: 'done';
      readonly peer: number;
      readonly request: number;
      readonly sdp: string;
    }
  | {
      readonly type: 'failed';
      readonly peer: number;
      readonly request: number;
      readonly why: string;
    }
  | {
      readonly type: 'channelOpened';
      readonly peer: number;
      readonly label: string;
      readonly by: 'us' | 'them';
    }
  | { readonly type: 'heard'; readonly peer: number; readonly label: string; readonly text: string }
  | { readonly type: 'ended'; readonly peer: number; readonly reason: string };

export interface UdpAddress {
  readonly ip: string;
  readonly port: number;
}

export interface MediaLine {
  readonly mid: string;
  readonly kind: 'audio' | 'video';
}
