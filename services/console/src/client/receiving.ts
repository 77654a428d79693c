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

  constructor(
    configuration: RTCConfiguration,
    /** That of the `o=` line in the server's offers. */
    readonly sessionId: string | undefined,
  ) {
    this.connection = new RTCPeerConnection({ ...configuration, bundlePolicy: 'max-bundle' });
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
    return connection.localDescription?.sdp ?? '';
  }

  get keys(): readonly StreamKey[] {
    return [...new Set(this.#keyOfMid.values())];
  }

  has(key: StreamKey): boolean {
    return [...this.#keyOfMid.values()].includes(key);
  }

  tracksOf(key: StreamKey): ReadonlySet<MediaStreamTrack> {
    const mids = this.midsOf(key);
    const receiving = this.connection
      .getTransceivers()
      .filter(
        ({ mid, currentDirection }) => mid && mids.has(mid) && currentDirection === 'recvonly',
      );
    return new Set(receiving.map(({ receiver }) => receiver.track));
  }

  midsOf(key: StreamKey): ReadonlySet<string> {
    return new Set([...this.#keyOfMid].filter(([, owner]) => owner === key).map(([mid]) => mid));
  }
}
