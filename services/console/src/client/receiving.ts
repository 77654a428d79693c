import { Pictures } from './pictures.js';
import { sentTracks } from './sdp.js';
import { ownersOf, type Expected } from './stream-owner.js';
import type { StreamKey } from './stream-key.js';

interface Context {
  readonly expected: readonly Expected[];
  readonly offered: StreamKey;
}

/** One PeerConnection on which the server sends, and which stream each of its m-lines belongs to. */
export class Receiving {
  readonly connection: RTCPeerConnection;
  #owners: ReadonlyMap<string, StreamKey> = new Map();
  #keyOfMid: ReadonlyMap<string, StreamKey> = new Map();
  /** The number of the offer with which each m-line began to carry what it carries. */
  #since: ReadonlyMap<string, number> = new Map();
  #offers = 0;
  readonly #pictures: Pictures;

  constructor(
    configuration: RTCConfiguration,
    /** That of the `o=` line in the server's offers. */
    readonly sessionId: string | undefined,
    /** Tracks are to be shown that were not before. */
    onReady: () => void,
  ) {
    this.connection = new RTCPeerConnection({ ...configuration, bundlePolicy: 'max-bundle' });
    this.#pictures = new Pictures(this.connection, onReady);
  }

  /** Takes an offer and returns the answer. */
  async answer(offer: string, { expected, offered }: Context): Promise<string> {
    const { connection } = this;
    await connection.setRemoteDescription({ type: 'offer', sdp: offer });
    await connection.setLocalDescription(await connection.createAnswer());
    const sent = sentTracks(offer);
    this.#owners = ownersOf(sent, { expected, settled: this.#owners, offered });
    this.#keyOfMid = new Map(
      sent.flatMap(({ mid, streamId }) => {
        const owner = this.#owners.get(streamId);
        return owner === undefined ? [] : [[mid, owner] as const];
      }),
    );
    this.#offers += 1;
    const mids = [...this.#keyOfMid.keys()];
    this.#since = new Map(mids.map((mid) => [mid, this.#since.get(mid) ?? this.#offers]));
    this.#pictures.lookFor(this.#bridging());
    return connection.localDescription?.sdp ?? '';
  }

  get keys(): readonly StreamKey[] {
    return [...new Set(this.#keyOfMid.values())];
  }

  has(key: StreamKey): boolean {
    return [...this.#keyOfMid.values()].includes(key);
  }

  /** Of two pictures, the newer as soon as there is something to see of it. */
  tracksOf(key: StreamKey): ReadonlySet<MediaStreamTrack> {
    const receiving = this.#receivingOf(key);
    const pictures = receiving.filter(isPicture);
    const shown = pictures.findLast(({ mid }) => this.#pictures.has(mid ?? '')) ?? pictures[0];
    const tracks = receiving.filter((one) => !isPicture(one) || one === shown);
    return new Set(tracks.map(({ receiver }) => receiver.track));
  }

  /** Oldest first. */
  #receivingOf(key: StreamKey): readonly RTCRtpTransceiver[] {
    const mids = this.midsOf(key);
    const since = ({ mid }: RTCRtpTransceiver) => this.#since.get(mid ?? '') ?? 0;
    return this.connection
      .getTransceivers()
      .filter(
        ({ mid, currentDirection }) => mid && mids.has(mid) && currentDirection === 'recvonly',
      )
      .sort((one, other) => since(one) - since(other));
  }

  /** All m-lines with pictures of streams that have several: another source is taking over. */
  #bridging(): ReadonlySet<string> {
    const pictures = this.keys.map((key) => this.#receivingOf(key).filter(isPicture));
    const several = pictures.filter(({ length }) => length > 1).flat();
    return new Set(several.flatMap(({ mid }) => mid ?? []));
  }

  midsOf(key: StreamKey): ReadonlySet<string> {
    return new Set([...this.#keyOfMid].filter(([, owner]) => owner === key).map(([mid]) => mid));
  }
}

function isPicture({ receiver }: RTCRtpTransceiver): boolean {
  return receiver.track.kind === 'video';
}
