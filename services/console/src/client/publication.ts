import { connected, guard } from './connection-guard.js';
import {
  encodingsFor,
  prefer,
  scalabilityModes,
  type PictureCodec,
  type SourceKind,
} from './encodings.js';
import { withOpusPreferences } from './sdp.js';
import { Serial } from './serial.js';

/** What a publication needs of the room: to say something to the server. */
export interface PublishingPort {
  readonly configuration: RTCConfiguration;
  /** Sends an offer; resolves with the answer. */
  offer(purpose: string, sdp: string, modes: Readonly<Record<string, string>>): Promise<string>;
  unpublish(purpose: string): void;
}

export interface LocalTracks {
  readonly audio?: MediaStreamTrack | undefined;
  readonly video?: MediaStreamTrack | undefined;
  /** The label of a data channel. */
  readonly channel?: string | undefined;
}

const KINDS = ['audio', 'video'] as const;
type Kind = (typeof KINDS)[number];

const UNSENT_MAX = 50;
/** How long the PeerConnection that is being replaced may stay while the new one connects. */
const HANDOVER_MS = 10_000;
/** Whoever watches is shown the old one until it has followed; the server usually ends it before. */
const OVERLAP_MS = 6_000;

/** One PeerConnection and its m-lines: one for each kind that is sent. */
class Sending {
  readonly connection: RTCPeerConnection;
  readonly #transceivers = new Map<Kind, RTCRtpTransceiver>();
  readonly #stream = new MediaStream();
  channel: RTCDataChannel | undefined;

  constructor(
    configuration: RTCConfiguration,
    private readonly source: SourceKind,
    private readonly codec: PictureCodec,
  ) {
    this.connection = new RTCPeerConnection({ ...configuration, bundlePolicy: 'max-bundle' });
  }

  /** Puts the tracks on the m-lines; returns whether the server must hear of it. */
  async apply(tracks: LocalTracks): Promise<boolean> {
    let negotiate = false;
    if (tracks.channel !== undefined && !this.channel) {
      this.channel = this.connection.createDataChannel(tracks.channel);
      negotiate = true;
    }
    for (const kind of KINDS) {
      if (await this.#applyOne(kind, tracks[kind])) negotiate = true;
    }
    return negotiate;
  }

  async #applyOne(kind: Kind, track: MediaStreamTrack | undefined): Promise<boolean> {
    const transceiver = this.#transceivers.get(kind);
    // Not `stop()`ped by us, but rejected by the server: it cannot be used again.
    const usable = transceiver && transceiver.direction !== 'stopped';
    if (!track) {
      // An inactive m-line may come back without what simulcast needs, so the next track gets a
      // new one in its place.
      if (usable) transceiver.stop();
      return this.#transceivers.delete(kind);
    }
    if (usable) {
      await transceiver.sender.replaceTrack(track);
      return false;
    }
    this.#transceivers.set(kind, this.#add(kind, track));
    return true;
  }

  #add(kind: Kind, track: MediaStreamTrack): RTCRtpTransceiver {
    const transceiver = this.connection.addTransceiver(track, {
      direction: 'sendonly',
      streams: [this.#stream],
      sendEncodings: encodingsFor(this.source, kind, this.codec),
    });
    if (kind === 'video') prefer(this.codec, transceiver);
    return transceiver;
  }
}

/**
 * What one participant sends under one purpose. Its PeerConnection lives while there is a track to
 * send, survives changes of tracks by renegotiation, and can be replaced without a gap.
 */
export class Publication {
  readonly #serial = new Serial();
  /** Written while there was no open channel. */
  #unsent: string[] = [];
  #tracks: LocalTracks = {};
  #sending: Sending | undefined;
  #unguard: (() => void) | undefined;
  #closed = false;
  /** The server has not been told of the latest tracks, or refused them. */
  #unsettled = false;

  constructor(
    readonly purpose: string,
    private readonly source: SourceKind,
    private readonly codec: PictureCodec,
    private readonly port: PublishingPort,
  ) {}

  get tracks(): LocalTracks {
    return this.#tracks;
  }

  get connection(): RTCPeerConnection | undefined {
    return this.#sending?.connection;
  }

  /** Whether everything that should be sent is being sent. */
  get healthy(): boolean {
    if (this.#unsettled) return false;
    return !this.#sending || this.#sending.connection.connectionState === 'connected';
  }

  /** Sends these tracks from now on; none at all unpublishes. */
  setTracks(tracks: LocalTracks): Promise<void> {
    this.#tracks = tracks;
    return this.#serial.run(() => this.#apply(tracks));
  }

  /** Writes on the data channel, as soon as there is one. */
  write(text: string): void {
    this.#unsent = [...this.#unsent, text].slice(-UNSENT_MAX);
    this.#flush();
  }

  #flush(): void {
    const channel = this.#sending?.channel;
    if (channel?.readyState !== 'open') return;
    for (const text of this.#unsent.splice(0)) channel.send(text);
  }

  /** Publishes anew on another PeerConnection, which takes over once it is connected. */
  replace(): Promise<void> {
    return this.#serial.run(async () => {
      const former = this.#sending;
      this.#sending = undefined;
      this.#unguard?.();
      try {
        await this.#apply(this.#tracks);
      } catch (error) {
        if (former) this.#adopt(former);
        throw error;
      }
      if (former) retire(former.connection, this.connection);
    });
  }

  restartIce(): Promise<void> {
    return this.#serial.run(async () => {
      this.#sending?.connection.restartIce();
      if (this.#sending) await this.#negotiate(this.#sending);
    });
  }

  /** Ends the PeerConnection; says nothing to the server. */
  close(): void {
    this.#closed = true;
    this.#unguard?.();
    this.#sending?.connection.close();
    this.#sending = undefined;
  }

  async #apply(tracks: LocalTracks): Promise<void> {
    if (this.#closed) return;
    this.#unsettled = true;
    await this.#send(tracks);
    this.#unsettled = false;
  }

  async #send(tracks: LocalTracks): Promise<void> {
    const empty = !tracks.audio && !tracks.video && tracks.channel === undefined;
    if (empty && !this.#sending) return;
    if (empty) {
      this.#dismiss();
      this.port.unpublish(this.purpose);
      return;
    }
    const sending = this.#sending ?? this.#adopt(this.#newSending());
    if (await sending.apply(tracks)) await this.#negotiate(sending);
    if (sending.channel) sending.channel.onopen = () => this.#flush();
    this.#flush();
  }

  #newSending(): Sending {
    return new Sending(this.port.configuration, this.source, this.codec);
  }

  #adopt(sending: Sending): Sending {
    this.#sending = sending;
    this.#unguard = guard(sending.connection, {
      restartIce: () => this.restartIce(),
      replace: () => this.replace(),
    });
    return sending;
  }

  #dismiss(): void {
    this.#unguard?.();
    this.#sending?.connection.close();
    this.#sending = undefined;
  }

  async #negotiate(sending: Sending): Promise<void> {
    const { connection } = sending;
    const first = connection.currentLocalDescription === null;
    try {
      const offer = await connection.createOffer();
      const sdp = withOpusPreferences(offer.sdp ?? '');
      await connection.setLocalDescription({ type: 'offer', sdp });
      const answer = await this.port.offer(this.purpose, sdp, scalabilityModes(connection));
      await connection.setRemoteDescription({ type: 'answer', sdp: withOpusPreferences(answer) });
    } catch (error) {
      if (first && this.#sending === sending) this.#dismiss();
      else await connection.setLocalDescription({ type: 'rollback' }).catch(() => undefined);
      throw error;
    }
  }
}

/** Closes `former` a little after `next` is connected, or when that takes too long. */
function retire(former: RTCPeerConnection, next: RTCPeerConnection | undefined): void {
  if (!next) {
    former.close();
    return;
  }
  void connected(next, HANDOVER_MS).then((flows) => {
    setTimeout(() => former.close(), flows ? OVERLAP_MS : 0);
  });
}
