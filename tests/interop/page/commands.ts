import type { DataSaid } from '../../browser/page/data-talk.js';

/** What every client of the matrix is told to do, in the same words whatever it is made of. */
export type Command =
  | {
      readonly do: 'connect';
      readonly url: string;
      readonly token: string;
      /** Where given, media goes by way of it and in no other. */
      readonly relay?: Relay;
    }
  | { readonly do: 'join'; readonly room: string }
  | ({ readonly do: 'publish' } & PublishWanted)
  | { readonly do: 'add' | 'stop'; readonly kind: Kind }
  | { readonly do: 'restart-ice' }
  | {
      readonly do: 'subscribe';
      readonly room: string;
      readonly publisher: string;
      readonly tcpOnly?: boolean;
    }
  | { readonly do: 'received' }
  | ({ readonly do: 'talk' } & TalkWanted)
  | { readonly do: 'close' };

/** On all data channels that it has: what to say, or to close them. The reply tells what was heard. */
export interface TalkWanted {
  readonly say?: readonly DataSaid[];
  readonly hush?: boolean;
}

/** A TURN server, over UDP. */
export interface Relay {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
}

export type Kind = 'audio' | 'video';
export type VideoCodec = 'VP8' | 'VP9' | 'H264' | 'AV1';

export interface PublishWanted {
  readonly room: string;
  readonly audio?: boolean;
  readonly video?: VideoCodec;
  /** Simulcast, where above 1. */
  readonly layers?: number;
  /** Simulcast as before rids: by SSRCs that are written into the description. */
  readonly bySsrcs?: boolean;
  /** Its label is `talk` and its protocol `interop`. */
  readonly dataChannel?: boolean;
  /** Whether to forget the server's UDP candidates. */
  readonly tcpOnly?: boolean;
}

/** What all that was subscribed to has brought so far. */
export interface ReceivedSoFar {
  readonly decodedFrames: number;
  /** Audio frames or packets that were decoded, by whatever name the client counts them. */
  readonly audio: number;
}

export interface Reply {
  readonly offer?: string;
  readonly answer?: string;
  readonly node?: string;
  readonly received?: ReceivedSoFar;
  readonly talk?: Talk;
}

/** What was heard on data channels, in order: `text:hello`, `binary:3`. */
export interface Talk {
  readonly heard: readonly string[];
  /** `label/protocol` of those that are open. */
  readonly open: readonly string[];
}
